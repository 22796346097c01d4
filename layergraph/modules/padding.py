"""Padding that torch's convolutions and pools cannot do: uneven, or ``same`` with a stride."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.sizes import Window


class Pad(nn.Module):
    """Pads height and width (and depth) by fixed margins, or as ``same`` needs for each input's size."""

    def __init__(self, window: Window, value: float) -> None:
        super().__init__()
        self.value = value
        self.extents, self.stride = window.extents, window.stride
        # F.pad counts from the last dimension
        self.fixed = (
            None if window.margins is None else [n for pair in reversed(window.margins) for n in pair]
        )

    def margins(self, x: Tensor) -> list[int]:
        """The argument of F.pad: (before, after) of each dimension, the last dimension first."""
        if self.fixed is not None:
            return self.fixed
        margins: list[int] = []
        for dimension in range(len(self.extents), 0, -1):
            stride, extent = self.stride[dimension - 1], self.extents[dimension - 1]
            # the last window starts (size - 1) % stride rows before the last row
            total = extent - 1 - (x.shape[dimension + 1] - 1) % stride
            if extent < stride:
                total = cast(Any, torch.sym_max)(total, 0)
            # the rest is padded after, beyond the last window if the total is less: an exported program can
            # then prove the output size (size - 1) // stride + 1, and add it to other features of that size
            margins += [total // 2, extent - 1 - total // 2]
        return margins

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.margins(x), value=self.value)
