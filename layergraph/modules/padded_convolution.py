"""Convolutions with MATLAB's padding and cropping, as torch's own classes where these can do it."""

from __future__ import annotations

from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.modules.initializers import uninitialized_module
from layergraph.modules.padding import Pad
from layergraph.sizes import Shape, Window


class PaddedConv2d(nn.Conv2d):
    """A convolution of the padded image."""

    pad: Pad

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(self.pad(input))


class PaddedConv3d(nn.Conv3d):
    """A convolution of the padded volume."""

    pad: Pad

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(self.pad(input))


class CroppedConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution with uneven cropping, which torch's argument ``padding`` cannot express."""

    cut: tuple[slice, ...]

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        # torch's own forward branches on the input's rank, which torch.fx cannot trace through
        padding = cast(Shape, self.padding)
        full = F.conv_transpose2d(input, self.weight, self.bias, self.stride, padding, self.output_padding)
        return full[self.cut]


class CroppedConvTranspose3d(nn.ConvTranspose3d):
    """A transposed convolution with uneven cropping, which torch's argument ``padding`` cannot express."""

    cut: tuple[slice, ...]

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        # torch's own forward branches on the input's rank, which torch.fx cannot trace through
        padding = cast(Shape, self.padding)
        full = F.conv_transpose3d(input, self.weight, self.bias, self.stride, padding, self.output_padding)
        return full[self.cut]


# torch's own classes where they suffice: quantization, pruning and other tools look for exactly these
_PLAIN: dict[int, type[nn.Conv2d | nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
_PADDED: dict[int, type[nn.Conv2d | nn.Conv3d]] = {2: PaddedConv2d, 3: PaddedConv3d}
_TRANSPOSED: dict[int, type[nn.ConvTranspose2d | nn.ConvTranspose3d]] = {
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}
_CROPPED: dict[int, type[nn.ConvTranspose2d | nn.ConvTranspose3d]] = {
    2: CroppedConvTranspose2d,
    3: CroppedConvTranspose3d,
}


def convolution(
    window: Window, channels: int, filters: int, groups: int, padding_value: float
) -> nn.Conv2d | nn.Conv3d:
    """Make a convolution with this window; its weights are uninitialized."""
    padding = window.convolution_padding(padding_value)
    module = uninitialized_module(
        (_PADDED if padding is None else _PLAIN)[len(window.size)],
        channels,
        filters,
        window.size,
        stride=window.stride,
        padding=padding or 0,
        dilation=window.dilation,
        groups=groups,
    )
    if padding is None:
        cast(Any, module).pad = Pad(window, padding_value)
    return module


def transposed_convolution(
    size: Shape, stride: Shape, crops: tuple[tuple[int, int], ...], channels: int, filters: int
) -> nn.ConvTranspose2d | nn.ConvTranspose3d:
    """Make a transposed convolution with ``crops`` (before, after) in each dimension.

    A negative number after adds rows. The weights are uninitialized.
    """
    # torch crops both sides alike, which costs nothing; only the rest is cut off the result
    padding = [max(min(crop), 0) for crop in crops]
    cut = tuple(
        slice(before - inner, -(after - inner) if after > inner else None)
        for (before, after), inner in zip(crops, padding, strict=True)
    )
    even = all(part == slice(0, None) for part in cut)
    module = uninitialized_module(
        (_TRANSPOSED if even else _CROPPED)[len(size)],
        channels,
        filters,
        size,
        stride=stride,
        padding=padding,
        output_padding=[max(-after, 0) for _, after in crops],
    )
    if not even:
        cast(Any, module).cut = (..., *cut)
    return module
