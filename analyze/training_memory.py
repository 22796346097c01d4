"""What autograd keeps of a training step, layer by layer, and the most memory that a step takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from layergraph.analyze.memory import Activations
from layergraph.draft import End
from layergraph.graph import LayerGraph
from layergraph.layers.activation import SoftmaxLayer
from layergraph.layers.layer import Layer
from layergraph.sizes import Size


@dataclass(frozen=True)
class TrainingMemory:
    """What is kept from the forward for the backward pass.

    Attributes:
        tensors: the layers that keep each tensor, by what owns its memory.
        private: bytes that a layer keeps for itself alone.
    """

    tensors: Mapping[End, tuple[str, ...]]
    private: Mapping[str, int]

    def of_layers(self, activations: Activations) -> dict[str, int]:
        """What is kept of each layer's results and besides, and the images of input layers."""
        found = {name: self.private.get(name, 0) for name in activations.inputs}
        images = [end for end in activations.memory if end.port == ""]
        for end in dict.fromkeys([*images, *self.tensors]):
            found[end.layer] += activations.memory[end]
        return found


def loss_starts(lgraph: LayerGraph) -> dict[str, tuple[End, bool]]:
    """What the loss of each output layer starts from, and whether that comes before a softmax."""
    starts = {}
    for name in lgraph.output_names:
        for source in lgraph.sources(name).values():
            from_logits = isinstance(lgraph[source.layer], SoftmaxLayer)
            if from_logits:
                for before in lgraph.sources(source.layer).values():
                    starts[name] = (before, True)
            else:
                starts[name] = (source, False)
    return starts


def kept_in_training(activations: Activations) -> TrainingMemory:
    """What autograd keeps, where each weight needs a gradient whose learn-rate factor is not 0.

    A softmax before a loss is computed with the loss. Without an output layer, all layers count.
    """
    lgraph, owners = activations.lgraph, activations.owners(training=True)
    starts = loss_starts(lgraph)
    run = _before([end.layer for end, _ in starts.values()], lgraph) if lgraph.output_names else set(lgraph)
    tensors: dict[End, tuple[str, ...]] = {}
    private: dict[str, int] = {}
    learning: set[str] = set()
    for name, inputs in activations.inputs.items():
        layer, sources = lgraph[name], activations.sources(name)
        if layer.is_input or layer.is_output or name not in run:
            if name in starts and starts[name][0].layer in learning:
                start, from_logits = starts[name]
                kept = layer.kept_by_loss(inputs, from_logits)
                private[name] = activations.num_bytes(kept.private)
                if kept.inputs and start in owners:
                    tensors[owners[start]] = (*tensors.get(owners[start], ()), name)
            continue
        reach = layer.reach(inputs)  # what a layer does not look at gets no gradient
        gradients = [
            source.layer in learning and (reach is None or port in reach)
            for port, source in zip(layer.input_names, sources, strict=True)
        ]
        if not any(gradients) and not _learns(layer, inputs):
            continue
        learning.add(name)
        kept = layer.kept(inputs, gradients)
        private[name] = activations.num_bytes(kept.private)
        ports = dict(zip(layer.input_names, sources, strict=True))
        ends = [ports[port] for port in kept.inputs] + [End(name, port) for port in kept.outputs]
        for owner in dict.fromkeys(owners[end] for end in ends if end in owners):
            tensors[owner] = (*tensors.get(owner, ()), name)
    return TrainingMemory(tensors, private)


def _before(names: list[str], lgraph: LayerGraph) -> set[str]:
    """These layers and all that feed them."""
    found, stack = set(names), list(names)
    while stack:
        for end in lgraph.sources(stack.pop()).values():
            if end.layer not in found:
                found.add(end.layer)
                stack.append(end.layer)
    return found


def _learns(layer: Layer, inputs: Sequence[Size]) -> bool:
    """Whether the layer has a learnable that training changes."""
    learnables, factors = layer.learnables(inputs), layer.factors()
    return bool(learnables) and (len(factors) < len(learnables) or any(rate for rate, _ in factors.values()))
