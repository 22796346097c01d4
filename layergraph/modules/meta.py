"""Running a torch module without data, and without touching it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import nn


def run_on_meta(module: nn.Module, shapes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The output shapes of ``module`` for inputs of these shapes.

    The module's mode, weights, device and the random state stay as they are.
    """
    skeleton, dtype = skeleton_of(module)
    inputs = [torch.empty(shape, dtype=dtype, device="meta") for shape in shapes]
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        result = skeleton.eval()(*inputs)
    if isinstance(result, torch.Tensor):
        return [tuple(result.shape)]
    if not isinstance(result, (tuple, list)) or len(result) < 2:
        raise TypeError(f"it returns a {type(result).__name__}, neither a tensor nor several")
    return [tuple(tensor.shape) for tensor in result]


def skeleton_of(module: nn.Module) -> tuple[nn.Module, torch.dtype]:
    """A copy of the module without data, and the dtype of its inputs.

    A deep copy would copy the weights first; this one has meta tensors in their place.
    """
    tensors = [*module.parameters(), *module.buffers()]
    memo: dict[int, object] = {}
    for tensor in tensors:
        empty = torch.empty_like(tensor, device="meta")
        memo[id(tensor)] = (
            nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty
        )
    dtype = next((t.dtype for t in tensors if t.is_floating_point()), torch.float32)
    return copy.deepcopy(module, memo), dtype
