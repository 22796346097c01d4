"""Padding that torch's convolutions and pools cannot do themselves: uneven, ``same`` with a stride."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.sizes import Window


class Pad(nn.Module):
    """Pads height and width (and depth) by fixed numbers, or as ``same`` needs for the size at hand."""

    def __init__(self, window: Window, value: float) -> None:
        super().__init__()
        self.value = value
        self.extents, self.stride = window.extents, window.stride
        # F.pad counts from the last dimension
        self.fixed = (
            None if window.margins is None else [n for pair in reversed(window.margins) for n in pair]
        )

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
            # rows beyond the last window do no harm, and give the output the size (size - 1) // stride + 1
            # in an exported program too, which then can be added to other features of that size
            margins += [total // 2, extent - 1 - total // 2]
        return margins

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.margins(x), value=self.value)
