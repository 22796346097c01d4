"""A network as a program of ``torch.export`` in a ``.pt2`` file."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import nn

from layergraph.atomic import atomic_file
from layergraph.export.program import exported_program
from layergraph.export.subject import InputShapes, Subject
from layergraph.extensions import check_extension


def write_program(subject: Subject, path: str | os.PathLike[str]) -> InputShapes:
    """See :meth:`layergraph.Network.to_pt2`."""
    check_extension(path, (".pt2",), "to_pt2: path")
    with atomic_file(path) as temporary:
        example = subject.example()
        program = exported_program("to_pt2", subject, example)
        # save takes the storage of a tensor with the channels last for a part of a larger one
        for key, tensor in program.state_dict.items():
            if not tensor.is_contiguous():
                program.state_dict[key] = nn.Parameter(tensor.detach().contiguous(), tensor.requires_grad)
        torch.export.save(program, temporary)
        shapes = subject.shapes(_input_shapes(program))
        # the file itself is checked, before it appears under its name
        loaded: Any = torch.export.load(temporary).module()
        for inputs in (example, *subject.other_examples(shapes)):
            results = loaded(*inputs)
            results = results if isinstance(results, tuple) else (results,)
            subject.check("to_pt2", inputs, [result.cpu() for result in results])
    return shapes


def _input_shapes(program: torch.export.ExportedProgram) -> list[list[object]]:
    users = set(program.graph_signature.user_inputs)
    placeholders = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in users]
    # a size that is fixed is an int, and an open one a SymInt
    return [list(node.meta["val"].shape) for node in placeholders]
