"""Dilation: the features of every pixel, where subsampling gives those of every 16th or 32nd."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from layergraph.edits.multiply_dilation import Sliding, dilated, own_margins
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AveragePooling2dLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    Image3dInputLayer,
    Layer,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    Resize2dLayer,
    TransposedConv2dLayer,
)
from layergraph.layers.arguments import flag, whole
from layergraph.layers.layer import Shape


class Grid(NamedTuple):
    """Where the places of a layer's output lie.

    ``stride`` counts the pixels from one place to the next, ``rate`` how many places there are for each one
    that there was before. Both have a number for each direction.
    """

    stride: Shape = (1, 1)
    rate: Shape = (1, 1)


def dilate(lgraph: LayerGraph, output_stride: int, *, keep_size: bool = True) -> LayerGraph:
    """The graph without subsampling beyond ``output_stride``; the windows after it are dilated instead.

    A layer that would take the stride past ``output_stride`` slides by 1, and every window behind it is
    dilated by the stride that was lost, so that it meets the same features as before. Weights stay. Where a
    layer lost the stride r in all, what was at place i is now at place r·i (from 0), with the same value, and
    the places in between are new. This is exact

    - at every place if each changed layer gave ``ceil(size / stride)`` places before, as 3×3 windows with
      padding 1 and 2×2 windows on even sizes do;
    - else away from the lower and right border, where windows now meet features that were dropped before.

    Padding ``"same"`` of a layer that subsampled stays, with other margins: 3×3 windows began at an even
    size without padding and now begin one place earlier, so that values move by one place. What a global
    average pooling sees is denser, so its mean is another one.

    Args:
        lgraph: an encoder of images; its decoder is added afterwards.
        output_stride: how many pixels of the image lie between two places of the result at most, such as 8
            or 16.
        keep_size: each changed layer that slides by 1 gives a map as large as its input, padded as before
            above and left, with the rest below and right (``"same"`` where that is even). ``False``
            multiplies the padding by the dilation instead: without padding there is none afterwards, so that
            a classifier of patches gives exactly one result for each patch.

    Raises:
        ArgumentError: features that became denser meet a layer that cannot take them: an average
            pooling (torch cannot dilate it), a fully connected layer, a decoder, or an addition or
            concatenation with features that did not become denser.

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
    flag("dilate", "keep_size", keep_size)
    grids: dict[str, Grid | None] = {}  # of each layer; None: one number stands for the whole image
    for name in lgraph.order:
        layer = lgraph[name]
        grid = grids[name] = _grid_of_inputs(lgraph, layer, grids)
        if isinstance(layer, (GlobalAveragePooling2dLayer, FullyConnectedLayer)):
            grids[name] = None
        elif grid is not None and isinstance(layer, Sliding):
            wanted = cast(Shape, layer.stride)
            kept = tuple(
                s if now * s <= output_stride else 1 for s, now in zip(wanted, grid.stride, strict=True)
            )
            if kept != wanted or set(grid.rate) != {1}:
                lgraph = lgraph.replace_layer(name, _denser(layer, kept, grid.rate, keep_size))
            lost = tuple(w // k for w, k in zip(wanted, kept, strict=True))
            grids[name] = Grid(_product(grid.stride, kept), _product(grid.rate, lost))
    return lgraph


def _grid_of_inputs(lgraph: LayerGraph, layer: Layer, grids: Mapping[str, Grid | None]) -> Grid | None:
    """The one grid of all that a layer meets.

    Raises:
        ArgumentError: it cannot take features that became denser.
    """
    if isinstance(layer, Image3dInputLayer):
        raise ArgumentError(f"dilate: lgraph is a network of images, got one of volumes ({layer.name!r})")
    fed = {port: end.layer for port, end in lgraph.sources(layer.name).items()}
    if "ref" in fed:
        return grids[fed["ref"]]  # the layer brings what it takes to the size of this
    met = {source: grid for source in fed.values() if (grid := grids[source]) is not None}
    if not met:
        return None if fed else Grid()
    rates = {grid.rate for grid in met.values()}
    if len(rates) > 1:
        first, *others = sorted(met, key=lambda source: met[source].rate, reverse=True)
        raise ArgumentError(
            f"dilate: layer {layer.name!r} joins {first!r}, which became denser, with {others[-1]!r}, which "
            "did not; dilate the encoder before it is joined to a decoder"
        )
    if rates != {(1, 1)}:
        _check_takes_denser(layer)
    return next(iter(met.values()))


def _check_takes_denser(layer: Layer) -> None:
    """Raise for a layer that cannot take features that became denser."""
    if isinstance(layer, FullyConnectedLayer):
        raise ArgumentError(
            f"dilate: the fully connected layer {layer.name!r} takes features of one size; "
            "fully_convolutional(lgraph) before makes it a convolution"
        )
    if isinstance(layer, AveragePooling2dLayer) and max(cast(Shape, layer.pool_size)) > 1:
        raise ArgumentError(
            f"dilate: average pooling {layer.name!r} would have to be dilated, which torch cannot do; "
            "replace it by a max pooling or a convolution, or cut the graph before it"
        )
    if isinstance(layer, (TransposedConv2dLayer, MaxUnpooling2dLayer)) or (
        isinstance(layer, Resize2dLayer) and layer.scale is not None
    ):
        raise ArgumentError(
            f"dilate: layer {layer.name!r} upsamples features that became denser already; dilate the encoder "
            "before a decoder is added to it"
        )


def _denser(layer: Sliding, stride: Shape, rate: Shape, keep_size: bool) -> Layer:
    """The layer with this stride, on an input that is ``rate`` times denser than before."""
    if isinstance(layer, MaxPooling2dLayer) and layer.has_unpooling_outputs:
        raise ArgumentError(
            f"dilate: max pooling {layer.name!r} remembers where its maxima were, which windows that overlap "
            "cannot; give it has_unpooling_outputs=False, or stop at a larger output_stride"
        )
    window = layer.window()
    margins = own_margins(window)
    if margins is not None:
        margins = [(before * r, after * r) for (before, after), r in zip(margins, rate, strict=True)]
        if keep_size and set(stride) == {1}:
            totals = [(extent - 1) * r for extent, r in zip(window.extents, rate, strict=True)]
            margins = [(min(m[0], t), t - min(m[0], t)) for m, t in zip(margins, totals, strict=True)]
    return dilated(layer, rate, stride, margins)


def _product(a: Shape, b: Shape) -> Shape:
    return tuple(x * y for x, y in zip(a, b, strict=True))
