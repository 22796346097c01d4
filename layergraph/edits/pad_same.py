"""Padding ``"same"`` for a classifier whose windows would shrink its maps."""

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

WindowLayer = (
    Convolution2dLayer
    | Convolution3dLayer
    | GroupedConvolution2dLayer
    | MaxPooling2dLayer
    | MaxPooling3dLayer
    | AveragePooling2dLayer
    | AveragePooling3dLayer
)


def pad_same(lgraph: LayerGraph) -> LayerGraph:
    """Return the graph with padding ``"same"`` at every convolution and pooling.

    Afterwards a map of stride s has ``ceil(n / s)`` positions in each dimension for any image size n, so that
    maps of one stride can be added and concatenated, and a decoder can restore the image size. Windows whose
    padding already gives that, such as 1×1 windows, stay. Weights stay.

    Use it on encoders: the fully connected layer of a classifier would get another number of features, which
    no trained weights fit.

    >>> from layergraph.builders.backbones import xception
    >>> encoder = xception((100, 150), include_head=False)
    >>> print(encoder["block1_conv1"].description)
    32 3×3 convolutions with stride [2 2] and padding [0 0 0 0]
    >>> print(pad_same(encoder)["block1_conv1"].description)
    32 3×3 convolutions with stride [2 2] and padding 'same'
    """
    for name in lgraph.order:
        layer = lgraph[name]
        if isinstance(layer, WindowLayer) and not _has_same_size(layer):
            lgraph = lgraph.replace_layer(name, replace(layer, padding="same"))
    return lgraph


def _has_same_size(layer: WindowLayer) -> bool:
    """Whether the output has ``ceil(n / stride)`` positions for every n."""
    # Margins of "same" depend on the image, so there are no numbers to compare.
    if layer.padding == "same":
        return True
    # (n + total - extent) // stride + 1 equals ceil(n / stride) for every n only if total = extent - 1
    margins = map(sum, pairs(layer.padding))
    return all(total == extent - 1 for total, extent in zip(margins, layer.window().extents, strict=True))
