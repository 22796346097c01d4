"""Padding that torch's convolutions and pools cannot do themselves: uneven, ``same`` with a stride."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.layers.arguments import Padding, pairs
from layergraph.layers.layer import Shape
from layergraph.sizes import same_padding, window_extent


def even_padding(
    padding: Padding, window: Shape, stride: Shape, dilation: Shape, limit: Shape | None = None
) -> Shape | None:
    """The padding as torch's own argument, one number a dimension; ``None`` where that cannot say it.

    ``limit`` is the largest number torch accepts there (half the window, for pools).
    """
    if padding == "same":
        if set(stride) != {1}:
            return None  # depends on the size of the image
        both = [same_padding(10**6, window_extent(w, d), 1) for w, d in zip(window, dilation, strict=True)]
    else:
        both = list(pairs(padding))
    if any(before != after for before, after in both):
        return None
    numbers = tuple(before for before, _ in both)
    if limit is not None and any(n > most for n, most in zip(numbers, limit, strict=True)):
        return None
    return numbers


class Pad(nn.Module):
    """Pads height and width (and depth) by fixed numbers, or as ``same`` needs for the size at hand."""

    def __init__(self, padding: Padding, window: Shape, stride: Shape, dilation: Shape, value: float) -> None:
        super().__init__()
        self.value = value
        self.extents = tuple(map(window_extent, window, dilation))
        self.stride = stride
        # F.pad counts from the last dimension
        self.fixed = None if padding == "same" else [n for pair in reversed(pairs(padding)) for n in pair]

    def margins(self, x: Tensor) -> list[int]:
        """What F.pad takes: (before, after) of each dimension, the last one first."""
        if self.fixed is not None:
            return self.fixed
        margins: list[int] = []
        for dimension in range(len(self.extents), 0, -1):
            stride, extent = self.stride[dimension - 1], self.extents[dimension - 1]
            # the last window starts (size - 1) % stride rows before the last row
            total = extent - 1 - (x.shape[dimension + 1] - 1) % stride
            if extent < stride:
                total = cast(Any, torch.sym_max)(total, 0)
            margins += [total // 2, total - total // 2]
        return margins

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.margins(x), value=self.value)
