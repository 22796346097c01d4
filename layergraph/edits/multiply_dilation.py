"""Dilation of the windows of single layers, with the padding that keeps the output size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AveragePooling2dLayer,
    Convolution2dLayer,
    GroupedConvolution2dLayer,
    Layer,
    MaxPooling2dLayer,
)
from layergraph.layers.arguments import Padding, whole
from layergraph.layers.layer import Shape
from layergraph.sizes import Window

Dilatable = Convolution2dLayer | GroupedConvolution2dLayer | MaxPooling2dLayer
WindowLayer = Dilatable | AveragePooling2dLayer
Margins = Sequence[tuple[int, int]]


def multiply_dilation(lgraph: LayerGraph, factors: Mapping[str, int]) -> LayerGraph:
    """Return the graph with the dilation of the named layers multiplied: multi-grid, larger receptive fields.

    Padding grows equally on both sides, so that output sizes and the centers of the windows stay. Weights
    stay.

    Args:
        lgraph: the graph.
        factors: the factor for each name of a convolution or max pooling.

    Raises:
        UnknownLayerError: a name that no layer has.
        ArgumentError: a layer whose window cannot be dilated, or a factor that is no positive integer.

    Source: L.-C. Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation",
    arXiv:1706.05587, 2017, section 3.2.1 (multi-grid).

    >>> from layergraph.builders.backbones import resnet18
    >>> lgraph = multiply_dilation(resnet18(include_head=False), {"res5b_branch2b": 4})
    >>> lgraph["res5b_branch2b"].description
    "512 3×3×512 convolutions with stride [1 1], dilation factor [4 4], and padding 'same'"
    """
    for name, factor in factors.items():
        layer = lgraph[name]
        # Dilation has no effect on a 1×1 window, so a factor for one is an error.
        if not isinstance(layer, Dilatable) or max(layer.window().size) == 1:
            raise ArgumentError(
                f"multiply_dilation: {name!r} must be a convolution or max pooling with windows larger than "
                f"1×1, got {layer.description!r}"
            )
        factor = whole("multiply_dilation", f"the factor of {name!r}", factor)
        window = layer.window()
        margins: Margins | None = window.margins
        if margins is not None:
            # one half on each side, so that the center of the window stays at the same pixel
            growth = [_split((factor - 1) * (extent - 1)) for extent in window.extents]
            margins = [(m[0] + g[0], m[1] + g[1]) for m, g in zip(margins, growth, strict=True)]
        lgraph = lgraph.replace_layer(name, with_dilation(layer, (factor, factor), window.stride, margins))
    return lgraph


def with_dilation(layer: WindowLayer, factors: Shape, stride: Shape, margins: Margins | None) -> Layer:
    """The layer with its dilation multiplied, and with this stride and padding (``None``: ``"same"``)."""
    window = layer.window()
    # the dilation of a window of one element changes nothing, and would only appear in its description
    dilation = tuple(
        d * f if s > 1 else d for s, d, f in zip(window.size, window.dilation, factors, strict=True)
    )
    same = [_split(extent - 1) for extent in window._replace(dilation=dilation).extents]
    # margins that equal "same" are written "same", as in MATLAB's networks; a 1×1 window keeps its [0 0 0 0]
    prefers_same = max(window.size) > 1 or window.margins is None
    padding: Padding = [n for pair in margins or () for n in pair]
    if margins is None or (prefers_same and set(stride) == {1} and [*margins] == same):
        padding = "same"
    # torch cannot dilate average poolings; those that arrive here are 1×1 or have factor 1.
    if isinstance(layer, AveragePooling2dLayer):
        return replace(layer, stride=stride, padding=padding)
    return replace(layer, stride=stride, dilation_factor=dilation, padding=padding)


def fixed_margins(window: Window) -> Margins | None:
    """The margins of a window as numbers; ``None`` if they depend on the size of the image."""
    if window.margins is not None:
        return window.margins
    return [_split(extent - 1) for extent in window.extents] if set(window.stride) == {1} else None


def _split(total: int) -> tuple[int, int]:
    # The larger half comes after, as with the padding "same" of TensorFlow and MATLAB.
    return (total // 2, total - total // 2)
