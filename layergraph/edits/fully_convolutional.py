"""From a classifier of patches to a network that classifies every place of an image at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from layergraph.edits.input_size import with_input_size
from layergraph.errors import InvalidNetworkError, LayerArgumentError
from layergraph.graph import LayerGraph
from layergraph.layers import (
    AveragePooling2dLayer,
    ClassificationLayer,
    Convolution2dLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    Layer,
    PixelClassificationLayer,
)
from layergraph.layers.training import TrainedWeights
from layergraph.propagation import propagate
from layergraph.sizes import Size
from layergraph.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor


def fully_convolutional(lgraph: LayerGraph, image_size: Sequence[int] | None = None) -> LayerGraph:
    """The graph with each fully connected layer turned into the convolution that computes the same.

    A fully connected layer on h×w×c features becomes a convolution with h×w windows and the same weights, a
    global average pooling an average pooling with a window of its input's size, a classification layer a
    pixel classification layer. Names stay. On images of the original size the outputs are the same; a larger
    image gives a map of outputs, one for each place that a patch of the original size fits into, ``stride``
    pixels apart, at a fraction of the cost of cutting the patches out.

    Args:
        lgraph: a graph that runs; the size of its input layer says how large the windows are.
        image_size: (height, width, channels) for the input layer afterwards; by default as it was.

    Raises:
        InvalidNetworkError: the graph has errors.
        LayerArgumentError: there is nothing to turn into a convolution.

    Source: J. Long, E. Shelhamer, T. Darrell, "Fully Convolutional Networks for Semantic Segmentation",
    CVPR 2015, section 3.1.

    >>> from layergraph.builders.backbones import vgg16
    >>> lgraph = fully_convolutional(vgg16())
    >>> lgraph["fc6"].description
    '4096 7×7×512 convolutions with stride [1 1] and padding [0 0 0 0]'
    """
    found = propagate(lgraph, "network")
    if found.errors:
        raise InvalidNetworkError(found.errors)
    changed = False
    for name in lgraph.order:
        layer, (size, *_) = lgraph[name], (*found.inputs[name], None)
        if size is None:
            continue
        new = _convolutional(layer, size)
        changed = changed or (new is not layer and not layer.is_output)
        if new is not layer:
            lgraph = lgraph.replace_layer(name, new)
    if not changed:
        raise LayerArgumentError(
            "fully_convolutional: the graph has no fully connected layer and no global average pooling, so "
            "it takes images of any size as it is"
        )
    return lgraph if image_size is None else with_input_size(lgraph, image_size)


def _convolutional(layer: Layer, size: Size) -> Layer:
    """The layer for any image that equals this one on an image of this size; itself if it is that."""
    if isinstance(layer, ClassificationLayer):
        return PixelClassificationLayer(
            name=layer.name, classes=layer.classes, class_weights=layer.class_weights
        )
    if len(size.spatial) != 2:
        return layer
    if isinstance(layer, GlobalAveragePooling2dLayer):
        return AveragePooling2dLayer(size.spatial, name=layer.name)
    if not isinstance(layer, FullyConnectedLayer):
        return layer
    return Convolution2dLayer(
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
