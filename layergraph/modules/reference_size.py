"""Cropping, padding and resizing of images."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn


class CropToReference(nn.Module):
    """Cuts the part of the reference's size out of an image: the centre, or from a fixed start."""

    def __init__(self, starts: tuple[int, ...] | None, rank: int) -> None:
        super().__init__()
        self.starts, self.rank = starts, rank

    def forward(self, x: Tensor, reference: Tensor) -> Tensor:
        for dimension in range(2, 2 + self.rank):
            keep = reference.shape[dimension]
            if self.starts is None:
                # (size - keep) // 2 in halves that are not negative: an exported symbol is multiplied
                # out, and ONNX rounds a negative quotient towards zero
                size = x.shape[dimension]
                start = size // 2 - (keep + 1) // 2 + size % 2 * (keep % 2)
            else:
                start = self.starts[dimension - 2]
            if torch.compiler.is_exporting():
                # a part of symbolic size: that it lies inside the image is more than torch can prove, and
                # whether the view is contiguous would be fixed to what it is at the example's size
                x = x.index_select(dimension, torch.arange(keep, device=x.device) + start)
            else:
                x = x.narrow(dimension, start, keep)
        return x


class PadToReference(nn.Module):
    """Pads an image on all sides to the reference's size; an odd row goes below, an odd column right."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor, reference: Tensor) -> Tensor:
        down, across = reference.shape[2] - x.shape[2], reference.shape[3] - x.shape[3]
        margins = [across // 2, across - across // 2, down // 2, down - down // 2]
        return F.pad(x, margins, value=self.value)


class Resize2d(nn.Module):
    """Resizes to a size, by a scale, or to the size of a reference."""

    def __init__(
        self,
        output_size: tuple[int, int] | None,
        scale: tuple[float, float] | None,
        method: str,
        geometry: str,
        rounding: str,
    ) -> None:
        super().__init__()
        self.output_size, self.scale = output_size, scale
        self.method, self.geometry, self.rounding = method, geometry, rounding

    def forward(self, x: Tensor, reference: Tensor | None = None) -> Tensor:
        if reference is not None:
            size = [reference.shape[2], reference.shape[3]]
        elif self.output_size is not None:
            size = list(self.output_size)
        else:
            assert self.scale is not None
            # int() would end a trace
            size = [cast(Any, torch.sym_int)(x.shape[2 + d] * factor) for d, factor in enumerate(self.scale)]
        if self.method == "bilinear" and self.geometry == "half-pixel":
            return F.interpolate(x, size, mode="bilinear", align_corners=False)
        for dimension in (2, 3):
            if self.method == "bilinear":
                x = bilinear_along(x, dimension, size[dimension - 2])
            else:
                rows = nearest_rows(x, dimension, size[dimension - 2], self.geometry, self.rounding)
                x = x.index_select(dimension, rows)
        return x


@fx.wrap
def nearest_rows(x: Tensor, dimension: int, size: int, geometry: str, rounding: str) -> Tensor:
    """Which row of ``x`` each of ``size`` output rows repeats.

    In whole numbers: the float32 arithmetic of ``F.interpolate`` takes the row before at some sizes.
    """
    length = x.shape[dimension]
    index = torch.arange(size, device=x.device)
    if geometry == "half-pixel":
        above, below = (2 * index + 1) * length - size, 2 * size
    else:
        above, below = index * length, size
    if rounding == "round":
        rows = (2 * above + below) // (2 * below)
    elif rounding == "floor":
        rows = above // below
    else:  # ONNX opset 10 rounds up when it shrinks; no branch, because an exported size is a symbol
        shrinks = cast(Any, torch.sym_min)(cast(Any, torch.sym_max)(length - size, 0), 1)
        rows = (above + shrinks * (below - 1)) // below
    return rows.clamp(0, length - 1)


@fx.wrap
def bilinear_along(x: Tensor, dimension: int, size: int) -> Tensor:
    """``x`` with ``size`` rows along one dimension, where row 0 stays row 0 (``"asymmetric"``)."""
    length = x.shape[dimension]
    above = torch.arange(size, device=x.device) * length
    low = above // size
    # not above % size, which ONNX export has only for numbers that are no symbols
    share = ((above - low * size).to(x.dtype) / size).view([-1 if d == dimension else 1 for d in range(4)])
    high = (low + 1).clamp(max=length - 1)
    return x.index_select(dimension, low) * (1 - share) + x.index_select(dimension, high) * share
