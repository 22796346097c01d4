"""Dilation: the features of every pixel, where subsampling gives those of every 16th or 32nd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from layergraph.errors import LayerArgumentError
from layergraph.graph import LayerGraph
from layergraph.layers import (
    AveragePooling2dLayer,
    Convolution2dLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    GroupedConvolution2dLayer,
    Layer,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    Resize2dLayer,
    TransposedConv2dLayer,
)
from layergraph.layers.arguments import Padding, pairs, whole
from layergraph.layers.layer import Shape

Sliding = Convolution2dLayer | GroupedConvolution2dLayer | MaxPooling2dLayer | AveragePooling2dLayer
Dilatable = Convolution2dLayer | GroupedConvolution2dLayer | MaxPooling2dLayer


def dilate(lgraph: LayerGraph, output_stride: int, *, keep_size: bool = True) -> LayerGraph:
    """The graph without subsampling beyond ``output_stride``; the windows after it are dilated instead.

    Where a layer would take the stride past ``output_stride``, it slides by 1, and every window that follows
    is dilated by the stride that it lost, so that it meets the same features as before: at the places that
    subsampling kept, values stay what they were, and the places in between are new. (At the border they may
    differ, where padding ``"same"`` of a strided layer was uneven.) Weights stay.

    Args:
        lgraph: any graph of 2-D layers.
        output_stride: a power of 2 such as 8 or 16: how many pixels of the image lie between two places of
            the result.
        keep_size: each changed layer gives a map as large as its input (padding ``"same"`` for odd
            windows). ``False`` multiplies the padding by the dilation instead: without padding there is none
            afterwards, so that a classifier of patches gives exactly one result for each patch.

    Raises:
        LayerArgumentError: the denser features meet what cannot take them: an average pooling (torch cannot
            dilate it), a fully connected layer, a decoder.

    Source: M. Holschneider et al., "A Real-Time Algorithm for Signal Analysis with the Help of the Wavelet
    Transform", 1989 (algorithme à trous); L.-C. Chen et al., "Semantic Image Segmentation with Deep
    Convolutional Nets and Fully Connected CRFs", ICLR 2015.

    >>> from layergraph.builders.backbones import resnet18
    >>> lgraph = dilate(resnet18(include_head=False), 16)
    >>> lgraph["res5a_branch2a"].description
    "512 3×3×256 convolutions with stride [1 1] and padding 'same'"
    >>> lgraph["res5a_branch2b"].description
    "512 3×3×512 convolutions with stride [1 1], dilation factor [2 2], and padding 'same'"
    """
    whole("dilate", "output_stride", output_stride)
    strides: dict[str, Shape] = {}  # how many pixels lie between two places of each layer's output
    rates: dict[str, Shape] = {}  # how many times denser than before these places are
    for name in lgraph.order:
        layer = lgraph[name]
        fed = {port: end.layer for port, end in lgraph.sources(name).items()}
        first = fed.get("ref") or next(iter(fed.values()), None)
        stride, rate = (strides[first], rates[first]) if first else ((1, 1), (1, 1))
        _check_rates(layer, {source: rates[source] for port, source in fed.items() if port != "ref"})
        if isinstance(layer, GlobalAveragePooling2dLayer):
            rate = (1, 1)
        elif isinstance(layer, Sliding):
            wanted = cast(Shape, layer.stride)
            kept = tuple(s if now * s <= output_stride else 1 for s, now in zip(wanted, stride, strict=True))
            if kept != wanted or rate != (1, 1):
                lgraph = lgraph.replace_layer(name, _dilated(layer, kept, rate, keep_size))
            stride = _product(stride, kept)
            rate = tuple(r * s // k for r, s, k in zip(rate, wanted, kept, strict=True))
        strides[name], rates[name] = stride, rate
    return lgraph


def multiply_dilation(lgraph: LayerGraph, factors: Mapping[str, int]) -> LayerGraph:
    """The graph with the dilation of the named layers multiplied: multi-grid, and wider fields of view.

    Their padding becomes ``"same"``, so that sizes stay.

    Raises:
        UnknownLayerError: a name that no layer has.
        LayerArgumentError: a layer whose window cannot be dilated.

    >>> from layergraph.builders.backbones import resnet18
    >>> lgraph = multiply_dilation(resnet18(include_head=False), {"res5b_branch2b": 4})
    >>> lgraph["res5b_branch2b"].dilation_factor
    (4, 4)
    """
    for name, factor in factors.items():
        layer = lgraph[name]
        if not isinstance(layer, Dilatable):
            raise LayerArgumentError(f"multiply_dilation: layer {name!r} ({layer.type}) has no dilation")
        factor = whole("multiply_dilation", f"the factor of {name!r}", factor)
        dilation = _product(cast(Shape, layer.dilation_factor), (factor, factor))
        lgraph = lgraph.replace_layer(name, replace(layer, dilation_factor=dilation, padding="same"))
    return lgraph


def _check_rates(layer: Layer, rates: Mapping[str, Shape]) -> None:
    """Raise where features that became denser meet what cannot take them."""
    if isinstance(layer, GlobalAveragePooling2dLayer) or set(rates.values()) <= {(1, 1)}:
        return
    if len(set(rates.values())) > 1:
        denser = max(rates, key=lambda source: rates[source])
        raise LayerArgumentError(
            f"dilate: layer {layer.name!r} joins {denser!r}, which became denser, with features that did "
            "not; dilate the encoder before it is joined to a decoder"
        )
    if isinstance(layer, FullyConnectedLayer):
        raise LayerArgumentError(
            f"dilate: the fully connected layer {layer.name!r} takes features of one size; "
            "fully_convolutional(lgraph) before makes it a convolution"
        )
    if isinstance(layer, (TransposedConv2dLayer, MaxUnpooling2dLayer)) or (
        isinstance(layer, Resize2dLayer) and layer.scale is not None
    ):
        raise LayerArgumentError(
            f"dilate: layer {layer.name!r} upsamples features that became denser already; dilate the encoder "
            "before a decoder is added to it"
        )


def _dilated(layer: Sliding, stride: Shape, rate: Shape, keep_size: bool) -> Layer:
    """The layer with this stride, on an input that is ``rate`` times denser than before."""
    keeps = keep_size and set(stride) == {1}
    if isinstance(layer, AveragePooling2dLayer):
        size = cast(Shape, layer.pool_size)
        if any(s > 1 and r > 1 for s, r in zip(size, rate, strict=True)):
            raise LayerArgumentError(
                f"dilate: average pooling {layer.name!r} would have to be dilated, which torch cannot do; "
                "replace it by a max pooling or a convolution, or cut the graph before it"
            )
        return replace(layer, stride=stride, padding=_padding(layer, (1, 1), rate, keeps))
    # a window of one element has nothing to spread
    spread = tuple(r if s > 1 else 1 for s, r in zip(layer.window().size, rate, strict=True))
    dilation = _product(cast(Shape, layer.dilation_factor), spread)
    padding = _padding(layer, dilation, rate, keeps)
    return replace(layer, stride=stride, dilation_factor=dilation, padding=padding)


def _padding(layer: Sliding, dilation: Shape, rate: Shape, keep_size: bool) -> Padding:
    """The padding at which the window meets at each old place what it met before."""
    if layer.padding == "same":
        return "same"
    size = layer.window().size
    margins = [(before * r, after * r) for (before, after), r in zip(pairs(layer.padding), rate, strict=True)]
    if keep_size:
        totals = [(s - 1) * d for s, d in zip(size, dilation, strict=True)]
        margins = [(min(m[0], t), t - min(m[0], t)) for m, t in zip(margins, totals, strict=True)]
        if any(totals) and all(m[0] == t // 2 for m, t in zip(margins, totals, strict=True)):
            return "same"
    return [n for pair in margins for n in pair]


def _product(a: Shape, b: Shape) -> Shape:
    return tuple(x * y for x, y in zip(a, b, strict=True))
