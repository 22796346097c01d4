"""Padding that keeps the size of maps, where a classifier lets its windows eat the border."""

from __future__ import annotations

from dataclasses import replace

from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AveragePooling2dLayer,
    AveragePooling3dLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    GroupedConvolution2dLayer,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
)
from layergraph.layers.arguments import pairs

Sliding = (
    Convolution2dLayer
    | Convolution3dLayer
    | GroupedConvolution2dLayer
    | MaxPooling2dLayer
    | MaxPooling3dLayer
    | AveragePooling2dLayer
    | AveragePooling3dLayer
)


def pad_same(lgraph: LayerGraph) -> LayerGraph:
    """The graph with padding ``"same"`` at every convolution and pooling that would lose the border.

    Afterwards a map of stride s has ``ceil(n / s)`` places in each dimension, whatever the size n of the
    image: so maps of one stride can be added and joined, and a decoder can restore the image. Windows whose
    padding gives that already stay as they are, 1×1 windows among them; those that were padded by more or
    less get ``"same"`` too. Weights stay.

    It is for encoders. Behind maps of another size, a fully connected layer takes another number of
    features, which no trained weights fit.

    >>> from layergraph.builders.backbones import xception
    >>> encoder = xception((100, 150), include_head=False)
    >>> print(encoder["block1_conv1"].description)
    32 3×3 convolutions with stride [2 2] and padding [0 0 0 0]
    >>> print(pad_same(encoder)["block1_conv1"].description)
    32 3×3 convolutions with stride [2 2] and padding 'same'
    """
    for name in lgraph.order:
        layer = lgraph[name]
        if isinstance(layer, Sliding) and not _keeps(layer):
            lgraph = lgraph.replace_layer(name, replace(layer, padding="same"))
    return lgraph


def _keeps(layer: Sliding) -> bool:
    """Whether the layer gives ``ceil(n / stride)`` places for every n."""
    if layer.padding == "same":
        return True
    margins = map(sum, pairs(layer.padding))
    return all(total == extent - 1 for total, extent in zip(margins, layer.window().extents, strict=True))
