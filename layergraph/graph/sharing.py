"""Torch modules and tensors that several layers share."""

from __future__ import annotations

from typing import NamedTuple

from layergraph.graph.graph import Graph
from layergraph.issues import Issue
from layergraph.layers import ModuleLayer
from layergraph.weights import Weights
from layergraph.wording import quoted


class SharedTensor(NamedTuple):
    """The first layer with a tensor, and the name of the tensor there."""

    layer: str
    tensor: str


def shared_tensors(lgraph: Graph) -> dict[str, dict[str, SharedTensor]]:
    """For each layer the tensors that it shares with a layer before it in the analyzer's order.

    >>> from torch import nn
    >>> from layergraph import ImageInputLayer, LayerGraph, ModuleLayer
    >>> conv = nn.Conv2d(3, 3, 1, bias=False)
    >>> layers = [ModuleLayer(conv, name="first"), ModuleLayer(conv, name="again")]
    >>> shared_tensors(LayerGraph([ImageInputLayer((8, 8, 3)), *layers]))
    {'again': {'weight': SharedTensor(layer='first', tensor='weight')}}
    """
    layers = [layer for layer in lgraph.layers if isinstance(layer, ModuleLayer)]
    if len(layers) < 2:  # as in most graphs, which then need no order
        return {}
    # in the order of computation, not of insertion: compile makes modules in this order
    position = {name: index for index, name in enumerate(lgraph.order)}
    seen: dict[int, SharedTensor] = {}
    shared: dict[str, dict[str, SharedTensor]] = {}
    for layer in sorted(layers, key=lambda layer: position[layer.name]):
        for key, tensor in [*layer.module.named_parameters(), *layer.module.named_buffers()]:
            # by identity: equal numbers in two tensors are not shared, and training would part them
            first = seen.setdefault(id(tensor), SharedTensor(layer.name, key))
            if first.layer != layer.name:
                shared.setdefault(layer.name, {})[key] = first
    return shared


def shared_modules(lgraph: Graph) -> dict[str, str]:
    """For each layer whose torch module is that of a layer added before it, the name of that layer."""
    first: dict[int, str] = {}
    owners = {}
    for layer in lgraph.layers:
        if isinstance(layer, ModuleLayer):
            owner = first.setdefault(id(layer.module), layer.name)
            if owner != layer.name:
                owners[layer.name] = owner
    return owners


def contradictions(lgraph: Graph) -> list[Issue]:
    """An error for each layer whose weights for a shared tensor differ from those of its first layer."""
    issues = []
    for name, tensors in shared_tensors(lgraph).items():
        own = lgraph[name].weights or Weights({})
        for key, owner in tensors.items():
            others = lgraph[owner.layer].weights or Weights({})
            # weights attached to one of the layers alone are those of both
            both = key in own and owner.tensor in others
            if both and Weights({"": own[key]}) != Weights({"": others[owner.tensor]}):
                text = f"it shares {quoted(key)} with {quoted(owner.layer)}, which has other weights attached"
                advice = f"attach the same to both; with_weights({{{quoted(name)}: None}}) drops these"
                issues.append(Issue("LG-WEIGHTS", "error", name, "", text, advice))
                break
    return issues
