"""Conversion of a patch classifier to a network that classifies all patches of an image at once."""

from __future__ import annotations

from collections.abc import Sequence
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
from layergraph.sizes import Size
from layergraph.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor


def fully_convolutional(lgraph: LayerGraph, image_size: Sequence[int] | None = None) -> LayerGraph:
    """Return the graph with each fully connected layer replaced by the equivalent convolution.

    A fully connected layer on h×w×c features becomes a convolution with h×w windows and the same weights, a
    global average pooling an average pooling with a window of its input's size, and a classification layer a
    pixel classification layer. Names stay.

    On images of the original size the outputs are the same. A larger image gives a map with one output per
    patch of the original size; the patches are as many pixels apart as the network subsamples in all, and
    :func:`dilate` to output stride 1 gives those of all patches. An output equals the classifier's for its
    patch if no layer pads (padding would see the pixels around the patch) or drops rows that fill no window.

    Args:
        lgraph: a graph without errors; the windows follow from the size of its input layer.
        image_size: the new (height, width, channels) of the input layer; by default it stays.

    Raises:
        InvalidNetworkError: the graph has errors.
        ArgumentError: no layer can be replaced.

    Source: J. Long, E. Shelhamer, T. Darrell, "Fully Convolutional Networks for Semantic Segmentation",
    CVPR 2015, section 3.1.

    >>> from layergraph.builders.backbones import vgg16
    >>> lgraph = fully_convolutional(vgg16())
    >>> lgraph["fc6"].description
    '4096 7×7×512 convolutions with stride [1 1] and padding [0 0 0 0]'
    """
    # At the original size, the input of a fully connected layer or global pooling is its window.
    inferred = infer_sizes(lgraph, "network")
    if inferred.errors:
        raise InvalidNetworkError(inferred.errors)
    sizes = {name: cast(Size, inputs[0]) for name, inputs in inferred.inputs.items() if inputs}
    layers = [_convolutional(lgraph[name], size) for name, size in sizes.items()]
    changed = [layer for layer in layers if layer is not lgraph[layer.name]]
    # another loss alone makes no network fully convolutional
    if all(layer.is_output for layer in changed):
        raise ArgumentError(
            "fully_convolutional: lgraph must have a fully connected layer or a global average pooling, got "
            "neither; it takes images of any size already"
        )
    for layer in changed:
        lgraph = lgraph.replace_layer(layer.name, layer)
    return lgraph if image_size is None else with_input_size(lgraph, image_size)


def _convolutional(layer: Layer, size: Size) -> Layer:
    """The layer for images of any size that equals this one for an input of this size; maybe itself."""
    if isinstance(layer, ClassificationLayer):
        return PixelClassificationLayer(
            name=layer.name, classes=layer.classes, class_weights=layer.class_weights
        )
    # on a larger image a global pooling would average over all patches
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
        weights=None if layer.weights is None else _as_filters(layer.weights, size),
        **layer.training_arguments(),
    )


def _as_filters(weights: Weights, size: Size) -> Weights:
    """Fully connected weights (outputs, inputs) as filters, in the order channels, height, width."""
    # torch flattens features in this order too, so no permutation is necessary.
    filters: Tensor = weights["weight"].reshape(-1, size.channels, *size.spatial)
    return Weights({**weights, "weight": filters})
