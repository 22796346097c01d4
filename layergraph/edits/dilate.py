"""Dilation of an encoder: features of every 8th pixel, say, instead of every 32nd."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from layergraph.edits.multiply_dilation import WindowLayer, fixed_margins, with_dilation
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


class Spacing(NamedTuple):
    """The spacing of the positions in a layer's output map, per direction.

    Attributes:
        stride: the pixels of the image from one position to the next.
        rate: the number of positions for each one that the undilated graph has.
    """

    stride: Shape = (1, 1)
    rate: Shape = (1, 1)


def dilate(lgraph: LayerGraph, downsampling_factor: int, *, keep_size: bool = True) -> LayerGraph:
    """Return the graph without subsampling beyond ``downsampling_factor``, and with dilated windows instead.

    A layer that would exceed ``downsampling_factor`` gets stride 1, and all windows downstream are dilated
    by the stride that it lost, so that each window covers the same features as before. Weights stay. Where a
    path lost the stride r in all, the value at position i is now at position r·i (from 0), and the positions
    between are new. This is exact

    - at every position if each changed layer gave ``ceil(size / stride)`` positions before, as 3×3 windows
      with padding 1 and 2×2 windows on even sizes do;
    - else away from the bottom and right borders, where windows now cover features that were dropped before.

    A layer with a stride and padding ``"same"`` keeps ``"same"``, which has other margins for stride 1: on an
    even size 3×3 windows start one position earlier, so that values move by one position. A global average
    pooling averages over more positions, so its mean changes.

    Args:
        lgraph: an encoder of images; add its decoder afterwards.
        downsampling_factor: the largest number of pixels between two positions of the output, such as 8 or
            16.
        keep_size: give each changed layer with stride 1 an output as large as its input: it keeps its padding
            at the top and left, and gets the rest at the bottom and right (``"same"`` if that is even).
            ``False`` multiplies the padding by the dilation instead: a classifier of patches without padding
            stays without, and gives exactly one result per patch.

    Raises:
        ArgumentError: a layer cannot take denser features: an average pooling (torch cannot dilate it), a
            fully connected layer, a decoder, or an addition or concatenation with features of another
            density.

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
    downsampling_factor = whole("dilate", "downsampling_factor", downsampling_factor)
    keep_size = flag("dilate", "keep_size", keep_size)
    # One pass from the inputs to the outputs. Whether a layer keeps its stride depends on the stride of its
    # path, and its dilation on the strides lost upstream, so both are carried along as a spacing.
    spacings: dict[str, Spacing | None] = {}  # None: the positions do not depend on the density
    for name in lgraph.order:
        layer = lgraph[name]
        spacing = spacings[name] = _input_spacing(lgraph, layer, spacings)
        if isinstance(layer, (GlobalAveragePooling2dLayer, FullyConnectedLayer)):
            spacings[name] = None
        elif isinstance(layer, Resize2dLayer) and layer.output_size and spacing and set(spacing.rate) != {1}:
            # as many positions as before, however dense the input is: windows downstream stay as they are
            spacings[name] = None
        elif spacing is not None and isinstance(layer, WindowLayer):
            old = cast(Shape, layer.stride)
            new = tuple(
                s if so_far * s <= downsampling_factor else 1
                for s, so_far in zip(old, spacing.stride, strict=True)
            )
            # Other layers stay as they are, with the padding that they have.
            if new != old or set(spacing.rate) != {1}:
                lgraph = lgraph.replace_layer(name, _dilated_layer(layer, new, spacing.rate, keep_size))
            lost = tuple(o // n for o, n in zip(old, new, strict=True))
            spacings[name] = Spacing(_product(spacing.stride, new), _product(spacing.rate, lost))
    return lgraph


def _input_spacing(
    lgraph: LayerGraph, layer: Layer, spacings: Mapping[str, Spacing | None]
) -> Spacing | None:
    """The spacing that all inputs of a layer share.

    Raises:
        ArgumentError: the layer cannot take denser features.
    """
    if isinstance(layer, Image3dInputLayer):
        raise ArgumentError(f"dilate: lgraph must be a network of images, got volumes ({layer.name!r})")
    sources = {port: end.layer for port, end in lgraph.sources(layer.name).items()}
    if "ref" in sources:
        return spacings[sources["ref"]]  # the output has the size of the reference
    known = {source: spacing for source in sources.values() if (spacing := spacings[source]) is not None}
    if not known:
        # An input layer starts at the pixels; after global poolings there are no positions left.
        return None if sources else Spacing()
    rates = {spacing.rate for spacing in known.values()}
    if len(rates) > 1:
        densest, *others = sorted(known, key=lambda source: known[source].rate, reverse=True)
        raise ArgumentError(
            f"dilate: the inputs of layer {layer.name!r} must become equally dense, got {densest!r}, denser "
            f"than {others[-1]!r}; dilate the encoder before you connect a decoder"
        )
    if rates != {(1, 1)}:
        _check_accepts_denser(layer)
    return next(iter(known.values()))


def _check_accepts_denser(layer: Layer) -> None:
    """Raise an error for a layer that cannot take denser features."""
    if isinstance(layer, FullyConnectedLayer):
        raise ArgumentError(
            f"dilate: the fully connected layer {layer.name!r} takes features of one size; make it a "
            "convolution first with fully_convolutional(lgraph)"
        )
    # A 1×1 average pooling only skips positions, so it has nothing to dilate.
    if isinstance(layer, AveragePooling2dLayer) and max(cast(Shape, layer.pool_size)) > 1:
        raise ArgumentError(
            f"dilate: torch cannot dilate the average pooling {layer.name!r}; replace it by a max pooling or "
            "a convolution, or cut the graph before it"
        )
    if isinstance(layer, (TransposedConv2dLayer, MaxUnpooling2dLayer)) or (
        isinstance(layer, Resize2dLayer) and layer.scale is not None
    ):
        raise ArgumentError(
            f"dilate: layer {layer.name!r} upsamples features that are already denser; dilate the encoder "
            "before you connect a decoder"
        )


def _dilated_layer(layer: WindowLayer, stride: Shape, rate: Shape, keep_size: bool) -> Layer:
    """The layer with this stride, for an input that is ``rate`` times denser."""
    if isinstance(layer, MaxPooling2dLayer) and layer.has_unpooling_outputs:
        # unpooling puts each value at the index of its maximum, and one index cannot hold two values
        raise ArgumentError(
            f"dilate: max pooling {layer.name!r} has unpooling outputs, whose windows must not overlap; give "
            "it has_unpooling_outputs=False, or choose a larger downsampling_factor"
        )
    window = layer.window()
    margins = fixed_margins(window)
    # the same features lie ``rate`` times further away, and so does the border
    if margins is not None:
        margins = [(before * r, after * r) for (before, after), r in zip(margins, rate, strict=True)]
        if keep_size and set(stride) == {1}:
            # With stride 1, margins of the dilated extent minus one keep the size. A larger margin
            # at the top would leave a negative one for the bottom, hence ``min``.
            totals = [(extent - 1) * r for extent, r in zip(window.extents, rate, strict=True)]
            margins = [(min(m[0], t), t - min(m[0], t)) for m, t in zip(margins, totals, strict=True)]
    return with_dilation(layer, rate, stride, margins)


def _product(a: Shape, b: Shape) -> Shape:
    return tuple(x * y for x, y in zip(a, b, strict=True))
