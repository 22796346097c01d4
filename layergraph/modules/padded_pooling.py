"""Pooling and unpooling with MATLAB's padding."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.modules.padding import Pad
from layergraph.sizes import Shape, Window


class MaxPool2dWithIndices(nn.Module):
    """Max pooling that also returns the index of each maximum in the unpadded image, and the image's size."""

    def __init__(self, window: Shape, stride: Shape, padding: Shape, pad: Pad | None) -> None:
        super().__init__()
        self.window, self.stride, self.padding, self.pad = window, stride, padding, pad

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, tuple[int, int]]:
        height, width = x.shape[-2], x.shape[-1]
        if self.pad is None:
            out, indices = F.max_pool2d(x, self.window, self.stride, self.padding, return_indices=True)
            return out, indices, (height, width)
        left, right, top, _ = self.pad.margins(x)
        out, indices = F.max_pool2d(self.pad(x), self.window, self.stride, return_indices=True)
        padded_width = width + left + right
        rows = indices // padded_width
        # not indices % padded_width, which ONNX cannot export for a symbolic size
        columns = indices - rows * padded_width
        return out, (rows - top) * width + columns - left, (height, width)


class MaxUnpool2d(nn.Module):
    """Puts each value at its index in an image of the given height and width, and zeros elsewhere."""

    def forward(self, x: Tensor, indices: Tensor, size: tuple[int, int]) -> Tensor:
        # F.max_unpool2d derives the range of sizes from a window; the operator below takes any size
        return cast(Tensor, torch.ops.aten.max_unpool2d(x, indices, size))


class AveragePoolWithoutPadding(nn.Module):
    """Average pooling where padding does not count, for margins that torch cannot pad itself."""

    def __init__(self, pad: Pad, window: Shape, stride: Shape) -> None:
        super().__init__()
        self.pad, self.window, self.stride = pad, window, stride

    def forward(self, x: Tensor) -> Tensor:
        # the part of each window that lies in the image: the mean of ones, with zeros around them
        share = F.avg_pool2d(self.pad(torch.ones_like(x[:1, :1])), self.window, self.stride)
        return F.avg_pool2d(self.pad(x), self.window, self.stride) / share


def max_pooling(window: Window, *, unpooling_outputs: bool) -> nn.Module:
    """Make a max pooling with this window; padding is never the maximum."""
    padding = window.pooling_padding()
    pad = Pad(window, -torch.inf) if padding is None else None
    if unpooling_outputs:
        return MaxPool2dWithIndices(window.size, window.stride, padding or (0, 0), pad)
    pool: type[nn.Module] = nn.MaxPool2d if len(window.size) == 2 else nn.MaxPool3d
    if pad is not None:
        return nn.Sequential(pad, pool(window.size, window.stride, dilation=window.dilation))
    return pool(window.size, window.stride, padding or 0, window.dilation)


def average_pooling(window: Window, *, counts_padding: bool) -> nn.Module:
    """Make an average pooling with this window; padding counts as zeros, or does not count."""
    padding = window.averaging_padding()
    pool: type[nn.Module] = nn.AvgPool2d if len(window.size) == 2 else nn.AvgPool3d
    if padding is not None:
        return pool(window.size, window.stride, padding, count_include_pad=counts_padding)
    pad = Pad(window, 0.0)
    if counts_padding:
        return nn.Sequential(pad, pool(window.size, window.stride))
    return AveragePoolWithoutPadding(pad, window.size, window.stride)
