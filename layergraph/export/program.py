"""The program of a network, from which both formats are written."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from layergraph.errors import LayergraphError
from layergraph.export.subject import Subject
from layergraph.wording import visible


def exported_program(call: str, subject: Subject, example: tuple[Tensor, ...]) -> ExportedProgram:
    """The network as a program of ``torch.export``, with all dimensions open that may be.

    Raises:
        LayergraphError: a layer cannot be exported.
    """
    # AUTO: torch fixes a dimension where the program would be right for one number alone
    dynamic: Any = tuple(dict.fromkeys(dimensions, Dim.AUTO) for dimensions in subject.open_dimensions())
    if len(dynamic) > 1:
        dynamic = (dynamic,)  # forward takes all inputs as one *argument
    try:
        return torch.export.export(subject.net, example, dynamic_shapes=dynamic, strict=False)
    except Exception as error:  # torch raises errors of many kinds, and Python's own ones
        raise export_error(call, error) from error


def export_error(call: str, error: Exception) -> LayergraphError:
    """The error for a network that torch cannot export."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return LayergraphError(f"{call}: torch cannot export the network: {visible(reason)}")
