"""What to do about a torch module that cannot take its inputs, found by trying."""

from __future__ import annotations

import inspect

import torch
from torch import nn

from layergraph.modules.trial import Shapes, trial_run
from layergraph.wording import counted


def advice(module: nn.Module, shapes: Shapes) -> str:
    """What to change, in words; empty where nothing that is tried helps."""
    if wanted := _other_number_of_inputs(module, len(shapes)):
        feeds = "" if wanted == 1 else ", and connect a layer to each of its inputs"
        takes = counted(wanted, "input")
        return f"its forward takes {takes}: write ModuleLayer(module, num_inputs={wanted}){feeds}"
    if _runs(module, shapes, torch.long):
        return (
            "it takes whole numbers, and layers pass on floating-point numbers: give a module whose forward "
            "begins with x = x.long()"
        )
    (batch, channels, *spatial), *others = shapes
    if not others and len(spatial) in (2, 3):
        # (height, width, channels) was written as (channels, height, width)
        first, *rest = spatial
        turned = (batch, first, *rest, channels)
        if _runs(module, [turned]):
            wrong, right = (*spatial, channels), (*rest, channels, first)
            return f"sizes are (height, width, channels): write {right}, not {wrong}"
    return ""


def _other_number_of_inputs(module: nn.Module, given: int) -> int:
    """How many inputs ``forward`` takes; 0 where it can take as many as are given."""
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return 0
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return 0
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(parameter.default is parameter.empty for parameter in positional)
    return least if given < least else len(positional) if given > len(positional) else 0


def _runs(module: nn.Module, shapes: Shapes, dtype: torch.dtype | None = None) -> bool:
    """Whether the module takes other inputs, tried without data."""

    def use(copied: nn.Module, inputs: object) -> None:
        with torch.no_grad():
            copied.eval()(*inputs())  # type: ignore[operator]

    try:
        trial_run(module, shapes, use, dtype=dtype, with_data=False)
    except Exception:
        return False
    return True
