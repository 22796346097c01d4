"""Advice about a torch module that cannot take its inputs, found by trying other inputs."""

from __future__ import annotations

import inspect

import torch
from torch import nn

from layergraph.modules.trial import Inputs, Shapes, trial_run
from layergraph.wording import counted


def advice(module: nn.Module, shapes: Shapes) -> str:
    """Return advice on what to change, or an empty string if nothing that is tried helps."""
    if wanted := _other_number_of_inputs(module, len(shapes)):
        takes = f"its forward takes {counted(wanted, 'input')}"
        connect = "" if wanted == 1 else ", and connect a layer to each of its inputs"
        return f"{takes}: write ModuleLayer(module, num_inputs={wanted}){connect}"
    # an embedding fails in the same words as many other modules, so only a second run tells
    if _runs(module, shapes, torch.long):
        return (
            "it takes integers, and layers pass on floating-point numbers: give a module whose forward "
            "begins with x = x.long()"
        )
    (batch, channels, *spatial), *others = shapes
    if not others and len(spatial) in (2, 3):
        # sizes in torch's order, (channels, height, width), read as (height, width, channels)
        first, *rest = spatial
        if _runs(module, [(batch, first, *rest, channels)]):
            wrong, right = (*spatial, channels), (*rest, channels, first)
            return f"sizes are (height, width, channels): write {right}, not {wrong}"
    return ""


def _other_number_of_inputs(module: nn.Module, given: int) -> int:
    """The number of inputs that ``forward`` takes, or 0 if it can take as many as are given."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return 0
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return 0
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = sum(parameter.default is parameter.empty for parameter in positional)
    return required if given < required else len(positional) if given > len(positional) else 0


def _runs(module: nn.Module, shapes: Shapes, dtype: torch.dtype | None = None) -> bool:
    """Whether the module takes inputs of these shapes, tried without data."""

    def use(copied: nn.Module, inputs: Inputs) -> None:
        with torch.no_grad():
            copied.eval()(*inputs())

    try:
        trial_run(module, shapes, use, dtype=dtype, with_data=False)
    except Exception:
        return False
    return True
