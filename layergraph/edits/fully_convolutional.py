"""From a classifier of patches to a network that classifies every place of an image at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, cast

from layergraph.edits.input_size import with_input_size
from layergraph.errors import ArgumentError, InvalidNetworkError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import infer_sizes
from layergraph.layers import (
    AveragePooling2dLayer,
    ClassificationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    Layer,
    PixelClassificationLayer,
)
from layergraph.layers.learnable import TrainedWeights
from layergraph.sizes import Size
from layergraph.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor


def fully_convolutional(lgraph: LayerGraph, image_size: Sequence[int] | None = None) -> LayerGraph:
    """The graph with each fully connected layer turned into the convolution that computes the same.

    A fully connected layer on h×w×c features becomes a convolution with h×w windows and the same weights, a
    global average pooling an average pooling with a window of its input's size, a classification layer a
    pixel classification layer. Names stay. On images of the original size the outputs are the same; a larger
    image gives a map of outputs, one for each patch of the original size, as many pixels apart as the layers
    before subsample in all. Each output is what the classifier gives for its patch alone, exactly so if these
    layers neither pad, since they then see what lies around the patch, nor drop rows that fill no window.
    :func:`dilate` to output stride 1 gives the outputs of all patches.

    Args:
        lgraph: a graph that runs; the size of its input layer says how large the windows are.
        image_size: (height, width, channels) for the input layer afterwards; by default as it was.

    Raises:
        InvalidNetworkError: the graph has errors.
        ArgumentError: there is nothing to turn into a convolution.

    Source: J. Long, E. Shelhamer, T. Darrell, "Fully Convolutional Networks for Semantic Segmentation",
    CVPR 2015, section 3.1.

    >>> from layergraph.builders.backbones import vgg16
    >>> lgraph = fully_convolutional(vgg16())
    >>> lgraph["fc6"].description
    '4096 7×7×512 convolutions with stride [1 1] and padding [0 0 0 0]'
    """
    found = infer_sizes(lgraph, "network")
    if found.errors:
        raise InvalidNetworkError(found.errors)
    sizes = {name: cast(Size, given[0]) for name, given in found.inputs.items() if given}
    layers = [_convolutional(lgraph[name], size) for name, size in sizes.items()]
    changed = [layer for layer in layers if layer is not lgraph[layer.name]]
    if all(layer.is_output for layer in changed):
        raise ArgumentError(
            "fully_convolutional: the graph has no fully connected layer and no global average pooling, so "
            "it takes images of any size as it is"
        )
    for layer in changed:
        lgraph = lgraph.replace_layer(layer.name, layer)
    return lgraph if image_size is None else with_input_size(lgraph, image_size)


def _convolutional(layer: Layer, size: Size) -> Layer:
    """The layer for any image that equals this one on an image of this size; itself if it is that."""
    if isinstance(layer, ClassificationLayer):
        return PixelClassificationLayer(
            name=layer.name, classes=layer.classes, class_weights=layer.class_weights
        )
    if isinstance(layer, GlobalAveragePooling2dLayer):
        return AveragePooling2dLayer(size.spatial, name=layer.name)
    if not isinstance(layer, FullyConnectedLayer):
        return layer
    convolution = Convolution3dLayer if len(size.spatial) == 3 else Convolution2dLayer
    return convolution(
        size.spatial,
        layer.output_size,
        num_channels=size.channels,
        name=layer.name,
        weights=None if layer.weights is None else _reshaped(layer.weights, size),
        **{field.name: getattr(layer, field.name) for field in fields(TrainedWeights)},
    )


def _reshaped(weights: Weights, size: Size) -> Weights:
    """Fully connected weights (outputs, inputs) as filters: torch flattens channels, height, width."""
    filters: Tensor = weights["weight"].reshape(-1, size.channels, *size.spatial)
    return Weights({**weights, "weight": filters})
