"""Graphs for inference alone: batch normalization in the weights of the layer before it, and no dropout."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from layergraph.errors import ArgumentError
from layergraph.graph.graph import Graph
from layergraph.layers import (
    BatchNormalizationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    DropoutLayer,
    FullyConnectedLayer,
    GroupedConvolution2dLayer,
    TransposedConv2dLayer,
    TransposedConv3dLayer,
)
from layergraph.layers.layer import Layer
from layergraph.weights import Weights
from layergraph.wording import quoted

if TYPE_CHECKING:
    from torch import Tensor

G = TypeVar("G", bound=Graph)

# The dimension of the torch weight that counts outputs. By the exact class, here and below: a subclass of
# the user's may compute something else.
_OUTPUT_DIMENSION: dict[type[Layer], int] = {
    Convolution2dLayer: 0,
    Convolution3dLayer: 0,
    GroupedConvolution2dLayer: 0,
    FullyConnectedLayer: 0,
    TransposedConv2dLayer: 1,
    TransposedConv3dLayer: 1,
}


def fold_batch_normalization(lgraph: G) -> G:
    """Return the graph with batch normalization folded into the weights of the layer before it.

    In evaluation mode batch normalization multiplies each channel by a number and adds another. A
    convolution, transposed convolution or fully connected layer upstream can do that itself, with other
    weights; it keeps its name, and the batch normalization is gone. The outputs of the network stay the same
    in evaluation mode, up to rounding. The result is for inference: a training would miss the normalization.

    A batch normalization stays if its source is another layer or has other readers too, if it is itself an
    output of the network (whose name would change), or if the new weights would overflow their dtype.

    Args:
        lgraph: a graph with weights, such as ``net.layer_graph()`` or that of a loaded file.

    Raises:
        ArgumentError: a batch normalization, or the layer before it, has no weights.

    >>> from layergraph.builders import segnet_layers
    >>> lgraph = segnet_layers((32, 32, 1), 2, 1).compile().layer_graph()
    >>> [*lgraph][1:4], [*fold_batch_normalization(lgraph)][1:3]
    (['encoder1_conv1', 'encoder1_bn_1', 'encoder1_relu_1'], ['encoder1_conv1', 'encoder1_relu_1'])
    """
    changed: dict[str, Layer] = {}
    receivers: dict[str, str] = {}  # of each folded layer, the layer that has its effect now
    for name in lgraph.order:
        layer, source = lgraph[name], lgraph.sources(name).get("in")
        if type(layer) is not BatchNormalizationLayer or source is None or not lgraph.destinations(name):
            continue
        receiver = receivers.get(source.layer, source.layer)
        before = changed.get(receiver, lgraph[receiver])
        if len(lgraph.destinations(source.layer)) > 1 or type(before) not in _OUTPUT_DIMENSION:
            continue
        if (weights := _folded(before, layer)) is not None:
            changed[receiver] = replace(before, weights=weights)
            receivers[name] = receiver
    if not receivers:
        return lgraph
    draft = lgraph._draft.copy()
    draft.change(changed.values())
    draft.remove(receivers, reconnect=True)
    return lgraph._from_draft(draft)


def remove_dropout(lgraph: G) -> G:
    """Return the graph without dropout layers, which do nothing in evaluation mode.

    One that is an output of the network stays, and so do weights and all names.

    >>> from layergraph.builders import unet_layers
    >>> lgraph = unet_layers((32, 32, 1), 2)
    >>> len(lgraph), len(remove_dropout(lgraph))
    (58, 56)
    """
    names = [
        name
        for name in lgraph
        if type(lgraph[name]) is DropoutLayer and lgraph.destinations(name) and lgraph.sources(name)
    ]
    if not names:
        return lgraph
    draft = lgraph._draft.copy()
    draft.remove(names, reconnect=True)
    return lgraph._from_draft(draft)


def _folded(before: Layer, normalization: BatchNormalizationLayer) -> Weights | None:
    """The weights with which ``before`` also does the normalization; ``None`` if there are none."""
    import torch

    for layer in (before, normalization):
        if layer.weights is None:
            raise ArgumentError(
                f"fold_batch_normalization: layer {quoted(layer.name)} must have weights, got none; compile "
                "the graph, train it, and take net.layer_graph()"
            )
    own, other = before.weights or Weights({}), normalization.weights or Weights({})
    # weights that do not fit are reported when the graph is compiled
    if not ({"weight", "bias"} <= own.keys() and other.keys() >= _NAMES):
        return None
    weight, bias = own["weight"], own["bias"]
    if any(other[name].shape != bias.shape for name in _NAMES) or not weight.is_floating_point():
        return None
    # in float64, and rounded once
    scale, shift, mean, variance, old = (
        tensor.detach().double() for tensor in (*(other[name] for name in _ORDER), bias)
    )
    factor = scale / (variance + normalization.epsilon).sqrt()
    shape = [1] * weight.dim()
    shape[_OUTPUT_DIMENSION[type(before)]] = -1
    new: dict[str, Tensor] = {
        "weight": (weight.detach().double() * factor.view(shape)).to(weight.dtype),
        "bias": ((old - mean) * factor + shift).to(bias.dtype),
    }
    # a factor may be a million, which the largest numbers of 16 bits do not hold
    if not all(torch.isfinite(tensor).all() for tensor in new.values()):
        return None
    return Weights({**own, **new})


_ORDER = ("weight", "bias", "running_mean", "running_var")
_NAMES = {*_ORDER}
