"""A graph with its sizes, learnables and states, from which all tools of the analysis start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.sharing import shared_tensors
from layergraph.graph.size_inference import InferredSizes, TargetUsage, infer_sizes
from layergraph.layers.layer import Layer, Shape
from layergraph.sizes import Size


@dataclass(frozen=True, eq=False)
class SizedNetwork:
    """A graph, the sizes at its layers, and the shapes of the tensors of its layers.

    Attributes:
        lgraph: the graph.
        inferred_sizes: the sizes, and the issues that keep the graph from running.
        learnables, states: for each layer the shapes of its tensors by name; ``None`` where they are unknown.
            A tensor that several layers share is listed at the first of them.
    """

    lgraph: LayerGraph
    inferred_sizes: InferredSizes
    learnables: Mapping[str, Mapping[str, Shape] | None]
    states: Mapping[str, Mapping[str, Shape] | None]

    @property
    def known_learnables(self) -> int:
        """The number of learnable parameters in the layers where it is known."""
        return sum(map(num_elements, filter(None, self.learnables.values())))


def size_network(lgraph: LayerGraph, target_usage: TargetUsage) -> SizedNetwork:
    """Infer the sizes of a graph and the shapes of its tensors. Linear in the layers."""
    inferred_sizes = infer_sizes(lgraph, target_usage)
    learnables: dict[str, Mapping[str, Shape] | None] = {}
    states: dict[str, Mapping[str, Shape] | None] = {}
    for layer in lgraph.layers:
        cls, inputs = type(layer), known_inputs(lgraph, layer, inferred_sizes)
        for tensors, method, default in (
            # functions of the class, not bound methods: an override is then told by identity
            (learnables, cls.learnables, Layer.learnables),
            (states, cls.states, Layer.states),
        ):
            if method is default:  # layers of this type have none, even where sizes are unknown
                tensors[layer.name] = {}
            else:
                tensors[layer.name] = None if inputs is None else method(layer, inputs)
    # the first layer keeps a shared tensor, the others drop it, so that totals count it once
    for name, shared in shared_tensors(lgraph).items():
        for tensors in (learnables, states):
            if shapes := tensors[name]:
                tensors[name] = {key: shape for key, shape in shapes.items() if key not in shared}
    return SizedNetwork(lgraph, inferred_sizes, learnables, states)


def known_inputs(lgraph: LayerGraph, layer: Layer, inferred_sizes: InferredSizes) -> list[Size] | None:
    """The sizes of a layer's inputs; ``None`` where they are unknown, guessed, or refused by the layer."""
    # without an issue every size is known and certain
    if inferred_sizes.issues:
        name, guesses = layer.name, inferred_sizes.guesses
        is_guessed = guesses and any(source.layer in guesses for source in lgraph.sources(name).values())
        if is_guessed or name in inferred_sizes.faulty or None in inferred_sizes.outputs[name]:
            return None
    return [size for size in inferred_sizes.inputs[layer.name] if size is not None]


def num_elements(shapes: Mapping[str, Shape]) -> int:
    """The number of elements of tensors of these shapes."""
    return sum(map(prod, shapes.values()))
