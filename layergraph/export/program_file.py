"""A network as a program of ``torch.export`` in a ``.pt2`` file."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch.export import Dim

from layergraph.atomic import atomic_file
from layergraph.errors import LayergraphError
from layergraph.export.subject import InputShapes, Subject
from layergraph.extensions import check_extension
from layergraph.wording import visible


def write_program(subject: Subject, path: str | os.PathLike[str]) -> InputShapes:
    """See :meth:`layergraph.Network.to_pt2`."""
    check_extension(path, (".pt2",), "to_pt2: path")
    with atomic_file(path) as temporary:
        example = subject.example()
        program = _exported(subject, example)
        torch.export.save(program, temporary)
        shapes = subject.shapes(_input_shapes(program))
        # the file itself is checked, before it appears under its name
        loaded: Any = torch.export.load(temporary).module()
        for inputs in (example, *subject.other_examples(shapes)):
            results = loaded(*inputs)
            results = results if isinstance(results, tuple) else (results,)
            subject.check("to_pt2", inputs, [result.cpu() for result in results])
    return shapes


def _exported(subject: Subject, example: tuple[torch.Tensor, ...]) -> torch.export.ExportedProgram:
    # AUTO: torch fixes a dimension where the network takes one size alone
    open_: Any = tuple(dict.fromkeys(names, Dim.AUTO) for names in subject.dynamic_shapes())
    if len(open_) > 1:
        open_ = (open_,)  # forward takes all inputs as one *argument
    try:
        return torch.export.export(subject.net, example, dynamic_shapes=open_, strict=False)
    except Exception as error:  # torch raises errors of many kinds, and Python's own ones
        reason = visible((str(error).strip() or type(error).__name__).splitlines()[0])
        raise LayergraphError(f"to_pt2: torch.export cannot export the network: {reason}") from error


def _input_shapes(program: torch.export.ExportedProgram) -> list[list[object]]:
    users = set(program.graph_signature.user_inputs)
    placeholders = [node for node in program.graph.nodes if node.op == "placeholder" and node.name in users]
    # a size that is fixed is an int, and an open one a SymInt
    return [list(node.meta["val"].shape) for node in placeholders]
