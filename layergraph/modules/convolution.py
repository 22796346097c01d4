"""Convolutions, with MATLAB's padding, cropping and initial weights."""

from __future__ import annotations

from math import prod
from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.layers.convolution import Convolution, GroupedConvolution2dLayer
from layergraph.layers.layer import Shape
from layergraph.layers.transposed import TransposedConvolution
from layergraph.modules.initializers import initialize, uninitialized
from layergraph.modules.padding import Pad, even_padding


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
    """A transposed convolution of which uneven margins are cut off."""

    cut: tuple[slice, ...]

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        # torch's own forward branches on the input's rank, which torch.fx cannot trace through
        padding = cast(Shape, self.padding)
        full = F.conv_transpose2d(input, self.weight, self.bias, self.stride, padding, self.output_padding)
        return full[self.cut]


class CroppedConvTranspose3d(nn.ConvTranspose3d):
    """A transposed convolution of which uneven margins are cut off."""

    cut: tuple[slice, ...]

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        # torch's own forward branches on the input's rank, which torch.fx cannot trace through
        padding = cast(Shape, self.padding)
        full = F.conv_transpose3d(input, self.weight, self.bias, self.stride, padding, self.output_padding)
        return full[self.cut]


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
    layer: Convolution | GroupedConvolution2dLayer, channels: int, filters: int, groups: int
) -> nn.Module:
    """The module of a convolution layer with this many input channels, initialized."""
    window, stride = cast(Shape, layer.filter_size), cast(Shape, layer.stride)
    dilation = cast(Shape, layer.dilation_factor)
    padding = even_padding(layer.padding, window, stride, dilation)
    plain = padding is not None and (layer.padding_value == 0 or not any(padding))
    kind = (_PLAIN if plain else _PADDED)[layer.rank]
    module = uninitialized(
        kind,
        channels,
        filters,
        window,
        stride=stride,
        padding=padding if plain else 0,
        dilation=dilation,
        groups=groups,
    )
    if not plain:
        cast(Any, module).pad = Pad(layer.padding, window, stride, dilation, layer.padding_value)
    fan = prod(window)
    initialize(module.weight, layer.weights_initializer, fan * channels // groups, fan * filters // groups)
    initialize(cast(Tensor, module.bias), layer.bias_initializer, 1, filters)
    return module


def transposed_convolution(layer: TransposedConvolution, channels: int) -> nn.Module:
    """The module of a transposed convolution layer with this many input channels, initialized."""
    window, stride = cast(Shape, layer.filter_size), cast(Shape, layer.stride)
    crops = layer.crops()
    padding = [max(min(crop), 0) for crop in crops]
    added = [max(-after, 0) for _, after in crops]
    cut = tuple(
        slice(before - inner, -(after - inner) if after > inner else None)
        for (before, after), inner in zip(crops, padding, strict=True)
    )
    even = all(part == slice(0, None) for part in cut)
    module = uninitialized(
        (_TRANSPOSED if even else _CROPPED)[layer.rank],
        channels,
        layer.num_filters,
        window,
        stride=stride,
        padding=padding,
        output_padding=added,
    )
    if not even:
        cast(Any, module).cut = (..., *cut)
    fan = prod(window)
    initialize(module.weight, layer.weights_initializer, fan * channels, fan * layer.num_filters)
    initialize(cast(Tensor, module.bias), layer.bias_initializer, 1, layer.num_filters)
    return module
