"""What autograd keeps of a training step, layer by layer, and the most memory that a step takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from layergraph.analyze.costs.memory import Activations, Alive, Peak, plan_of, results_of
from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers.activation import SoftmaxLayer
from layergraph.layers.layer import Layer
from layergraph.sizes import Size


@dataclass(frozen=True)
class TrainingMemory:
    """What is kept from the forward for the backward pass.

    Attributes:
        tensors: the layers that keep each tensor, by what owns its memory.
        private: bytes that a layer keeps for itself alone.
        learning: the layers through which gradients go.
    """

    tensors: Mapping[End, tuple[str, ...]]
    private: Mapping[str, int]
    learning: Set[str]

    def of_layers(self, activations: Activations) -> dict[str, int]:
        """What is kept of each layer's results and besides, and the images of input layers."""
        found = {name: self.private.get(name, 0) for name in activations.inputs}
        images = [end for end in activations.memory if end.port == ""]
        for end in dict.fromkeys([*images, *self.tensors]):
            if end in activations.memory:  # else it is a view of what is not known
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
    fed = (end.layer for end, _ in starts.values())
    run = lgraph.upstream(fed) if lgraph.output_names else set(lgraph)
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
        # what a layer does not look at gets no gradient
        reach = layer.reach(inputs) if len(inputs) > 1 else None
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
    return TrainingMemory(tensors, private, learning)


def training_peak(activations: Activations, kept: TrainingMemory, learnables: Mapping[str, int]) -> Peak:
    """The most bytes of images, activations and gradients in a step: an estimate, without the weights.

    Each gradient takes as much as its tensor, until the layer before has used it; ``learnables`` are the
    bytes of each layer's weights, whose gradients stay. What a layer keeps is free after its backward pass.
    """
    lgraph, owners = activations.lgraph, activations.owners(training=True)
    starts = loss_starts(lgraph)
    ends = [end for end, _ in starts.values()] or results_of(lgraph)
    plan, slots = plan_of(lgraph, ends)
    alive = Alive(activations.memory)
    keepers: dict[str, list[End]] = {}
    for owner, names in kept.tensors.items():
        for name in names:
            keepers.setdefault(name, []).append(owner)
    for name in lgraph.input_names:
        alive.hold(End(name, ""))
    for row in plan.rows:
        for slot in row.outputs:
            alive.hold(owners[slots[slot]])
        for owner in keepers.get(row.key, ()):
            alive.hold(owner)
        private = kept.private.get(row.key, 0)
        alive.add(private, row.key)
        if not private:  # else it is scratch memory that is kept
            scratch = activations.num_bytes(lgraph[row.key].scratch(activations.inputs[row.key]))
            alive.add(scratch, row.key)
            alive.add(-scratch, row.key)
        for slot in row.free:
            if slots[slot].port:
                alive.release(owners[slots[slot]])
    gradients: dict[End, int] = {}
    for name in starts:
        for owner in keepers.get(name, ()):
            alive.hold(owner)
        alive.add(kept.private.get(name, 0), name)
    for end in dict.fromkeys(ends):
        alive.release(owners[end])
        gradients[end] = activations.memory[end]
        # of scores and of their logarithms
        alive.add(2 * gradients[end], end.layer)
        alive.add(-gradients[end], end.layer)
    for name in starts:
        alive.add(-kept.private.get(name, 0), name)
        for owner in keepers.get(name, ()):
            alive.release(owner)
    for row in reversed(plan.rows):
        name, layer = row.key, lgraph[row.key]
        if name not in kept.learning:
            continue
        given = sum(gradients.pop(slots[slot], 0) for slot in row.outputs)
        made = summed = 0
        for slot in row.inputs:
            source = slots[slot]
            if source.layer in kept.learning and source.port:
                if source in gradients:  # of another layer too: both, and their sum
                    summed += (2 - layer.hands_gradient_on) * activations.memory[source]
                else:
                    gradients[source] = activations.memory[source]
                    made += gradients[source]
        if layer.hands_gradient_on:
            given, made = 0, made - given
        alive.add(made + summed + learnables[name], name)
        alive.add(-summed - given - kept.private[name], name)
        for owner in keepers.get(name, ()):
            alive.release(owner)
    return alive.peak


def _learns(layer: Layer, inputs: Sequence[Size]) -> bool:
    """Whether the layer has a learnable that training changes."""
    learnables, factors = layer.learnables(inputs), layer.factors()
    return bool(learnables) and (len(factors) < len(learnables) or any(rate for rate, _ in factors.values()))
