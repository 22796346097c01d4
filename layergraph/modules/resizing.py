"""Cropping and resizing of images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CropToReference(nn.Module):
    """Cuts the part of the reference's size out of an image: the centre, or from a fixed start."""

    def __init__(self, starts: tuple[int, ...] | None, rank: int) -> None:
        super().__init__()
        self.starts, self.rank = starts, rank

    def forward(self, x: Tensor, reference: Tensor) -> Tensor:
        for dimension in range(2, 2 + self.rank):
            keep = reference.shape[dimension]
            if self.starts is None:
                start = (x.shape[dimension] - keep) // 2
            else:
                start = self.starts[dimension - 2]
            x = x.narrow(dimension, start, keep)
        return x


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
            size = [int(x.shape[2] * self.scale[0]), int(x.shape[3] * self.scale[1])]
        half_pixel = self.geometry == "half-pixel"
        if self.method == "bilinear" and half_pixel:
            return F.interpolate(x, size, mode="bilinear", align_corners=False)
        if self.method == "nearest" and half_pixel and self.rounding == "round":
            return F.interpolate(x, size, mode="nearest-exact")
        if self.method == "nearest" and not half_pixel and self.rounding in ("floor", "onnx-10"):
            return F.interpolate(x, size, mode="nearest")
        for dimension in (2, 3):
            x = self._along(x, dimension, size[dimension - 2])
        return x

    def _along(self, x: Tensor, dimension: int, size: int) -> Tensor:
        """One dimension at a time, for the combinations that torch has no mode for."""
        length = x.shape[dimension]
        place = torch.arange(size, device=x.device, dtype=torch.float64)
        if self.geometry == "half-pixel":
            place = ((place + 0.5) * (length / size) - 0.5).clamp(min=0)
        else:
            place = place * (length / size)
        if self.method == "nearest":
            rounded = torch.floor(place + 0.5) if self.rounding == "round" else torch.floor(place)
            return x.index_select(dimension, rounded.long().clamp(max=length - 1))
        low = place.long().clamp(max=length - 1)
        share = (place - low).to(x.dtype).view([-1 if d == dimension else 1 for d in range(4)])
        high = (low + 1).clamp(max=length - 1)
        return x.index_select(dimension, low) * (1 - share) + x.index_select(dimension, high) * share
