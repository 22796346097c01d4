"""Dilation of single windows, and the padding that goes with it."""

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
Sliding = Dilatable | AveragePooling2dLayer
Margins = Sequence[tuple[int, int]]


def multiply_dilation(lgraph: LayerGraph, factors: Mapping[str, int]) -> LayerGraph:
    """The graph with the dilation of the named layers multiplied: multi-grid, and wider fields of view.

    Padding grows with the window, alike on both sides, so that sizes stay and windows keep their centres.
    Weights stay.

    Args:
        factors: for the name of a convolution or max pooling the number that its dilation is multiplied by.

    Raises:
        UnknownLayerError: a name that no layer has.
        ArgumentError: a layer whose window cannot be dilated, or a factor that is no whole number of at
            least 1.

    Source: L.-C. Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation",
    arXiv:1706.05587, 2017, section 3.2.1 (multi-grid).

    >>> from layergraph.builders.backbones import resnet18
    >>> lgraph = multiply_dilation(resnet18(include_head=False), {"res5b_branch2b": 4})
    >>> lgraph["res5b_branch2b"].description
    "512 3×3×512 convolutions with stride [1 1], dilation factor [4 4], and padding 'same'"
    """
    for name, factor in factors.items():
        layer = lgraph[name]
        if not isinstance(layer, Dilatable) or max(layer.window().size) == 1:
            raise ArgumentError(
                f"multiply_dilation: {name!r} is a convolution or max pooling with windows larger than 1×1, "
                f"got {layer.description!r}"
            )
        factor = whole("multiply_dilation", f"the factor of {name!r}", factor)
        window = layer.window()
        margins: Margins | None = window.margins
        if margins is not None:
            grown = [_halves((factor - 1) * (extent - 1)) for extent in window.extents]
            margins = [(m[0] + g[0], m[1] + g[1]) for m, g in zip(margins, grown, strict=True)]
        lgraph = lgraph.replace_layer(name, dilated(layer, (factor, factor), window.stride, margins))
    return lgraph


def dilated(layer: Sliding, factors: Shape, stride: Shape, margins: Margins | None) -> Layer:
    """The layer with its dilation multiplied, and with this stride and padding (``None``: ``"same"``)."""
    window = layer.window()
    # a window of one element has nothing to spread
    dilation = tuple(
        d * f if s > 1 else d for s, d, f in zip(window.size, window.dilation, factors, strict=True)
    )
    same = [_halves(extent - 1) for extent in window._replace(dilation=dilation).extents]
    # "same" as MATLAB's networks have it, but [0 0 0 0] of 1×1 windows stays
    spelled = max(window.size) > 1 or window.margins is None
    padding: Padding = [n for pair in margins or () for n in pair]
    if margins is None or (spelled and set(stride) == {1} and [*margins] == same):
        padding = "same"
    if isinstance(layer, AveragePooling2dLayer):
        return replace(layer, stride=stride, padding=padding)
    return replace(layer, stride=stride, dilation_factor=dilation, padding=padding)


def own_margins(window: Window) -> Margins | None:
    """The padding of a window in numbers; ``None`` where ``"same"`` depends on the size of the image."""
    if window.margins is not None:
        return window.margins
    return [_halves(extent - 1) for extent in window.extents] if set(window.stride) == {1} else None


def _halves(total: int) -> tuple[int, int]:
    return (total // 2, total - total // 2)
