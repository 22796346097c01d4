"""Kinds of layers, by class, and their colours in diagrams."""

from __future__ import annotations

from typing import Literal, get_args

from layergraph import layers
from layergraph.layers import Layer

Kind = Literal[
    "input",
    "convolution",
    "transposed convolution",
    "normalization",
    "activation",
    "pooling",
    "unpooling",
    "joining",
    "resizing",
    "output",
    "module",
    "other",
]

# light enough for black text, far enough apart to be told apart in print and by the colour-blind
COLORS: dict[Kind, str] = {
    "input": "#dfe3e8",
    "convolution": "#bcd7f7",
    "transposed convolution": "#a8dcd9",
    "normalization": "#eef0c8",
    "activation": "#fbe7a6",
    "pooling": "#f6bfb0",
    "unpooling": "#f3d0e6",
    "joining": "#c3e6b5",
    "resizing": "#f9d3a0",
    "output": "#d5c6ee",
    "module": "#e6d3c0",
    "other": "#eeeeee",
}
assert set(COLORS) == set(get_args(Kind))

_KINDS: dict[type[Layer], Kind] = {
    layers.ImageInputLayer: "input",
    layers.Image3dInputLayer: "input",
    layers.Convolution2dLayer: "convolution",
    layers.Convolution3dLayer: "convolution",
    layers.GroupedConvolution2dLayer: "convolution",
    layers.FullyConnectedLayer: "convolution",
    layers.TransposedConv2dLayer: "transposed convolution",
    layers.TransposedConv3dLayer: "transposed convolution",
    layers.BatchNormalizationLayer: "normalization",
    layers.CrossChannelNormalizationLayer: "normalization",
    layers.ReluLayer: "activation",
    layers.LeakyReluLayer: "activation",
    layers.ClippedReluLayer: "activation",
    layers.SigmoidLayer: "activation",
    layers.ScalingLayer: "activation",
    layers.MaxPooling2dLayer: "pooling",
    layers.MaxPooling3dLayer: "pooling",
    layers.AveragePooling2dLayer: "pooling",
    layers.AveragePooling3dLayer: "pooling",
    layers.GlobalAveragePooling2dLayer: "pooling",
    layers.MaxUnpooling2dLayer: "unpooling",
    layers.AdditionLayer: "joining",
    layers.MultiplicationLayer: "joining",
    layers.DepthConcatenationLayer: "joining",
    layers.ConcatenationLayer: "joining",
    layers.Crop2dLayer: "resizing",
    layers.Crop3dLayer: "resizing",
    layers.Pad2dLayer: "resizing",
    layers.Resize2dLayer: "resizing",
    layers.SoftmaxLayer: "output",
    layers.ModuleLayer: "module",
}


def kind_of(layer: Layer) -> Kind:
    """The kind of a layer; a type that is not listed is an input, an output or ``"other"``.

    >>> from layergraph import ReluLayer, PixelClassificationLayer
    >>> kind_of(ReluLayer()), kind_of(PixelClassificationLayer())
    ('activation', 'output')
    """
    if layer.is_input or layer.is_output:
        return "input" if layer.is_input else "output"
    return _KINDS.get(type(layer), "other")


# what follows another layer without a line of its own: its numbers change, their places do not
FOLLOWING: frozenset[Kind] = frozenset({"normalization", "activation"})
