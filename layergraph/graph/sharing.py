"""Torch modules that several layers share, and the tensors that their modules have in common."""

from __future__ import annotations

from typing import NamedTuple

from layergraph.graph.graph import Graph
from layergraph.issues import Issue
from layergraph.layers import ModuleLayer
from layergraph.weights import Weights
from layergraph.wording import quoted


class SharedTensor(NamedTuple):
    """The layer that has a tensor first, and its name there."""

    layer: str
    tensor: str


def shared_tensors(lgraph: Graph) -> dict[str, dict[str, SharedTensor]]:
    """For each layer the tensors of its torch module that a layer before it has, in the analyzer's order.

    >>> from torch import nn
    >>> from layergraph import ImageInputLayer, LayerGraph, ModuleLayer
    >>> conv = nn.Conv2d(3, 3, 1, bias=False)
    >>> layers = [ModuleLayer(conv, name="first"), ModuleLayer(conv, name="again")]
    >>> shared_tensors(LayerGraph([ImageInputLayer((8, 8, 3)), *layers]))
    {'again': {'weight': SharedTensor(layer='first', tensor='weight')}}
    """
    layers = [layer for layer in lgraph.layers if isinstance(layer, ModuleLayer)]
    if len(layers) < 2:
        return {}
    position = {name: index for index, name in enumerate(lgraph.order)}
    seen: dict[int, SharedTensor] = {}
    found: dict[str, dict[str, SharedTensor]] = {}
    for layer in sorted(layers, key=lambda layer: position[layer.name]):
        for key, tensor in [*layer.module.named_parameters(), *layer.module.named_buffers()]:
            first = seen.setdefault(id(tensor), SharedTensor(layer.name, key))
            if first.layer != layer.name:
                found.setdefault(layer.name, {})[key] = first
    return found


def shared_modules(lgraph: Graph) -> dict[str, str]:
    """For each layer whose torch module an earlier layer has too, that layer; as they were added."""
    first: dict[int, str] = {}
    found = {}
    for layer in lgraph.layers:
        if isinstance(layer, ModuleLayer):
            owner = first.setdefault(id(layer.module), layer.name)
            if owner != layer.name:
                found[layer.name] = owner
    return found


def contradictions(lgraph: Graph) -> list[Issue]:
    """A fault for each layer that shares a tensor and has other weights for it than the first that has it."""
    found = []
    for name, tensors in shared_tensors(lgraph).items():
        own = lgraph[name].weights or Weights({})
        for key, owner in tensors.items():
            others = lgraph[owner.layer].weights or Weights({})
            both = key in own and owner.tensor in others
            if both and Weights({"": own[key]}) != Weights({"": others[owner.tensor]}):
                text = f"its {quoted(key)} is that of {quoted(owner.layer)} too, which has other weights"
                advice = f"attach the same to both; with_weights({{{quoted(name)}: None}}) takes these off"
                found.append(Issue("LG-WEIGHTS", "error", name, "", text, advice))
                break
    return found
