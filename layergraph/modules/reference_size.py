"""Cropping, padding and resizing of images, to the size of a reference among others."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn


class CropToReference(nn.Module):
    """Crops an image to the size of the reference: around the center, or from a fixed start."""

    def __init__(self, starts: tuple[int, ...] | None, rank: int) -> None:
        super().__init__()
        self.starts, self.rank = starts, rank

    def forward(self, x: Tensor, reference: Tensor) -> Tensor:
        for dimension in range(2, 2 + self.rank):
            keep = reference.shape[dimension]
            if self.starts is None:
                # equals (size - keep) // 2, in quotients that are never negative: export may expand the
                # difference of two symbols, and ONNX rounds a negative quotient towards zero
                size = x.shape[dimension]
                start = size // 2 - (keep + 1) // 2 + size % 2 * (keep % 2)
            else:
                start = self.starts[dimension - 2]
            if torch.compiler.is_exporting():
                # not narrow: torch cannot prove that a part of symbolic size lies inside the image, and would
                # fix whether the view is contiguous to its value for the example's size
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
    """Resizes an image to a size, by a scale, or to the size of a reference."""

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
            # int() would fix a symbolic size to its value
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
    """The index of the row of ``x`` that each of ``size`` output rows repeats.

    Computed in integers: at some sizes the float32 arithmetic of ``F.interpolate`` gives the row before.
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
    else:  # ONNX opset 10 rounds up where it shrinks; without a branch, because an exported size is a symbol
        shrinks = cast(Any, torch.sym_min)(cast(Any, torch.sym_max)(length - size, 0), 1)
        rows = (above + shrinks * (below - 1)) // below
    return rows.clamp(0, length - 1)


@fx.wrap
def bilinear_along(x: Tensor, dimension: int, size: int) -> Tensor:
    """Resize ``x`` to ``size`` rows along one dimension; row 0 stays row 0 (``"asymmetric"``)."""
    length = x.shape[dimension]
    above = torch.arange(size, device=x.device) * length
    low = above // size
    # not above % size, which ONNX cannot export for a symbolic size
    share = ((above - low * size).to(x.dtype) / size).view([-1 if d == dimension else 1 for d in range(4)])
    high = (low + 1).clamp(max=length - 1)
    return x.index_select(dimension, low) * (1 - share) + x.index_select(dimension, high) * share
