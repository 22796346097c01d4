"""The memory of a training step: the tensors that autograd saves, and the peak of forward and backward pass.

The sum of all results does not estimate the peak: the input of a ReLU is free at once, that of a convolution
only after its backward pass, and two layers that save the same tensor hold it once. So a step is replayed:

1. :func:`saved_in_training` finds the tensors that autograd saves. Only layers with a gradient save any, so
   frozen layers and branches that no loss depends on are left out.
2. :func:`training_peak` replays the step in the order of the compiled plan: forward pass, loss, backward
   pass.

:func:`step_bytes` is the sum for a whole network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from math import prod
from typing import Any

from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import infer_sizes
from layergraph.layers.activation import SoftmaxLayer
from layergraph.layers.layer import Layer
from layergraph.network.activation_memory import Activations, LiveMemory, Peak, plan_of, results_of
from layergraph.sizes import Size


@dataclass(frozen=True)
class SavedTensors:
    """The tensors that autograd saves in the forward pass for the backward pass.

    Attributes:
        savers: maps each saved tensor, by the owner of its memory, to the layers that save it.
        private: the bytes that a layer saves for itself alone, such as masks.
        learning: the layers that gradients pass through.
    """

    savers: Mapping[End, tuple[str, ...]]
    private: Mapping[str, int]
    learning: Set[str]

    def per_layer(self, activations: Activations) -> dict[str, int]:
        """The bytes saved per layer: its results and private tensors; for input layers also the images."""
        num_bytes = {name: self.private.get(name, 0) for name in activations.inputs}
        images = [end for end in activations.memory if end.port == ""]
        for end in dict.fromkeys([*images, *self.savers]):
            if end in activations.memory:  # the owner of a view may have an unknown size
                num_bytes[end.layer] += activations.memory[end]
        return num_bytes


def loss_inputs(lgraph: LayerGraph) -> dict[str, tuple[End, bool]]:
    """For each output layer the tensor that its loss reads, and whether these are the logits of a softmax."""
    inputs = {}
    for name in lgraph.output_names:
        for source in lgraph.sources(name).values():
            layer: Any = lgraph[name]
            from_logits = layer.takes_logits and isinstance(lgraph[source.layer], SoftmaxLayer)
            if from_logits:
                for logits in lgraph.sources(source.layer).values():
                    inputs[name] = (logits, True)
            else:
                inputs[name] = (source, False)
    return inputs


def saved_in_training(activations: Activations) -> SavedTensors:
    """The tensors that autograd saves when every weight whose learn-rate factor is not 0 gets a gradient.

    A softmax before a loss is computed with the loss. Without an output layer, all layers count.
    """
    lgraph, owners = activations.lgraph, activations.owners(training=True)
    losses = loss_inputs(lgraph)
    read = (end.layer for end, _ in losses.values())
    trained = lgraph.upstream(read) if lgraph.output_names else set(lgraph)
    savers: dict[End, tuple[str, ...]] = {}
    private: dict[str, int] = {}
    learning: set[str] = set()
    for name, inputs in activations.inputs.items():
        layer, sources = lgraph[name], activations.sources(name)
        if layer.is_input or layer.is_output or name not in trained:
            if name in losses and losses[name][0].layer in learning:
                scores, from_logits = losses[name]
                saved = layer.saved_by_loss(inputs, from_logits)
                private[name] = activations.num_bytes(saved.private)
                if saved.inputs and scores in owners:
                    savers[owners[scores]] = (*savers.get(owners[scores], ()), name)
            continue
        # an input of which the layer reads the size alone, such as the reference of a crop, gets no gradient
        rules = layer.receptive_field_rules(inputs) if len(inputs) > 1 else None
        gradients = [
            source.layer in learning and (rules is None or port in rules)
            for port, source in zip(layer.input_names, sources, strict=True)
        ]
        if not any(gradients) and not _learns(layer, inputs):
            continue
        learning.add(name)
        saved = layer.saved_for_backward(inputs, gradients)
        private[name] = activations.num_bytes(saved.private)
        ports = dict(zip(layer.input_names, sources, strict=True))
        ends = [ports[port] for port in saved.inputs] + [End(name, port) for port in saved.outputs]
        for owner in dict.fromkeys(owners[end] for end in ends if end in owners):
            savers[owner] = (*savers.get(owner, ()), name)
    return SavedTensors(savers, private, learning)


def training_peak(activations: Activations, saved: SavedTensors, learnables: Mapping[str, int]) -> Peak:
    """An estimate of the most bytes of images, activations and gradients in a step, without the weights.

    ``learnables`` has the bytes of each layer's weights, whose gradients are still there after the step.
    """
    lgraph, owners = activations.lgraph, activations.owners(training=True)
    losses = loss_inputs(lgraph)
    scores = [end for end, _ in losses.values()] or results_of(lgraph)
    plan, slots = plan_of(lgraph, scores)
    live = LiveMemory(activations.memory)
    saved_by: dict[str, list[End]] = {}
    for owner, names in saved.savers.items():
        for name in names:
            saved_by.setdefault(name, []).append(owner)

    # 1. Forward pass. A result lives until its last reader has run; a saved tensor has further holders, so
    #    that the plan alone cannot free it. The caller holds the images throughout.
    for name in lgraph.input_names:
        live.hold(End(name, ""))
    for row in plan.rows:
        for slot in row.outputs:
            live.hold(owners[slots[slot]])
        for owner in saved_by.get(row.key, ()):
            live.hold(owner)
        private = saved.private.get(row.key, 0)
        live.add(private, row.key)
        if not private:  # else the workspace itself is what the layer saves
            workspace = activations.num_bytes(lgraph[row.key].workspace(activations.inputs[row.key]))
            live.add(workspace, row.key)
            live.add(-workspace, row.key)
        for slot in row.free:
            if slots[slot].port:
                live.release(owners[slots[slot]])

    # 2. Loss and its backward pass. The gradients of the scores and of their logarithms exist at once; only
    #    the former is handed on.
    gradients: dict[End, int] = {}
    for name in losses:
        for owner in saved_by.get(name, ()):
            live.hold(owner)
        live.add(saved.private.get(name, 0), name)
    for end in dict.fromkeys(scores):
        live.release(owners[end])
        gradients[end] = activations.memory[end]
        live.add(2 * gradients[end], end.layer)
        live.add(-gradients[end], end.layer)
    for name in losses:
        live.add(-saved.private.get(name, 0), name)
        for owner in saved_by.get(name, ()):
            live.release(owner)

    # 3. Backward pass, in reverse order. Each gradient is as large as its tensor and lives until the layer
    #    that made the tensor has used it. A tensor that several layers read has one gradient, but while the
    #    next one is added to it, both and their sum exist. A layer frees its saved tensors after its step.
    for row in reversed(plan.rows):
        name, layer = row.key, lgraph[row.key]
        if name not in saved.learning:
            continue
        used = sum(gradients.pop(slots[slot], 0) for slot in row.outputs)
        new = summed = 0
        for slot in row.inputs:
            source = slots[slot]
            if source.layer in saved.learning and source.port:
                if source in gradients:
                    summed += (2 - layer.passes_gradient_on) * activations.memory[source]
                else:
                    gradients[source] = activations.memory[source]
                    new += gradients[source]
        if layer.passes_gradient_on:  # an addition gives its own gradient to its inputs, without a copy
            used, new = 0, new - used
        live.add(new + summed + learnables[name], name)
        live.add(-summed - used - saved.private[name], name)
        for owner in saved_by.get(name, ()):
            live.release(owner)
    return live.peak


def step_bytes(lgraph: LayerGraph, batch_size: int, item_bytes: int) -> tuple[int, int]:
    """An estimate of the bytes of a training step, and those of the weights alone.

    The step has images, activations, gradients and weights, without the state of the solver and the workspace
    of torch's operations. ``item_bytes`` is the size of a number.
    """
    sizes = infer_sizes(lgraph).inputs
    known = {name: [size for size in inputs if size is not None] for name, inputs in sizes.items()}
    activations = Activations(lgraph, known, batch_size, item_bytes)
    weights = {
        name: item_bytes * sum(map(prod, lgraph[name].learnables(inputs).values()))
        for name, inputs in known.items()
    }
    peak = training_peak(activations, saved_in_training(activations), weights)
    total = sum(weights.values())
    return peak.num_bytes + total, total


def _learns(layer: Layer, inputs: Sequence[Size]) -> bool:
    """Whether training changes a learnable parameter of the layer."""
    learnables, factors = layer.learnables(inputs), layer.factors()
    return bool(learnables) and (len(factors) < len(learnables) or any(rate for rate, _ in factors.values()))
