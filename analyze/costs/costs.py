"""What a network costs: learnables, multiply-adds, memory and receptive fields, by arithmetic alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from math import prod
from typing import Any

from layergraph.analyze.costs.memory import Activations, Peak, inference_peak
from layergraph.analyze.costs.receptive_field import receptive_fields
from layergraph.analyze.costs.training_memory import kept_in_training, training_peak
from layergraph.analyze.sized_network import SizedNetwork, known_inputs
from layergraph.errors import ArgumentError
from layergraph.graph.size_inference import network_outputs
from layergraph.layers.arguments import whole
from layergraph.layers.layer import Shape
from layergraph.wording import byte_count, long_count, visible

ITEM_BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class LayerCosts:
    """What one layer costs; ``None`` where errors leave it unknown.

    Attributes:
        learnables: how many numbers training learns.
        states: how many numbers training keeps besides, such as running means.
        multiply_adds: multiplications, each with an addition, for the whole batch; torch's
            ``FlopCounterMode`` counts two operations for each.
        activation_bytes_inference: what its results take; 0 where they are a view of its input.
        activation_bytes_training: what autograd keeps for the backward pass: of its results, if this or a
            layer behind it keeps them, and what it keeps besides (masks, indices, padded copies); of an
            input layer also the images.
        receptive_field: for each spatial dimension, how many positions of the input image one number of
            the result depends on: from the first to the last, the most that any number has, and as if the
            image had no border. Where branches of different strides join, this depends on the position.
            ``None`` also downstream of a :class:`ModuleLayer` and of images that are joined side by side.
        receptive_stride: how far the field moves from one number to the next; below 1 where an image
            is enlarged beyond the input's size, 0 where all see the same. Of branches that move at different
            strides, that of the widest field.
    """

    learnables: int | None
    states: int | None
    multiply_adds: int | None
    activation_bytes_inference: int | None
    activation_bytes_training: int | None
    receptive_field: Shape | None
    receptive_stride: tuple[float, ...] | None


@dataclass(frozen=True, eq=False)
class NetworkCosts:
    """What a network costs for a batch of this size in this dtype; ``print`` shows the totals.

    Totals sum up what is known; where errors leave layers unknown they are the least
    (``complete`` is false).

    Attributes:
        batch_size, dtype: what was asked for; the dtype is that of weights and activations alike.
        layers: the costs of each layer by its name, in the analyzer's order.
        inference_peak: the most bytes of activations at once in inference, and the layer that runs then:
            the images fed and all results, each freed after the last layer that reads it, as compiled
            networks do; no layer works in place. ``None`` where errors keep the network from running.
        training_peak: the same for a training step, forward and backward: an estimate, with the gradients
            of activations and weights, without the weights themselves.

    Memory that torch's operations take inside is not known, and that of the optimizer is not counted: SGDM
    takes as much as the learnables, Adam twice as much. On a GPU the masks of dropout are smaller, one byte
    a number.
    """

    batch_size: int
    dtype: str
    layers: Mapping[str, LayerCosts]
    inference_peak: Peak | None
    training_peak: Peak | None

    @property
    def peak_bytes_inference(self) -> int | None:
        """The most bytes of activations at once in inference; the weights come on top."""
        return None if self.inference_peak is None else self.inference_peak.num_bytes

    @property
    def peak_layer(self) -> str:
        """The layer that runs when inference takes most; empty where errors keep the network from running."""
        return "" if self.inference_peak is None else self.inference_peak.layer

    @property
    def peak_bytes_training(self) -> int | None:
        """The most bytes at once in a training step, weights and gradients included; an estimate."""
        if self.training_peak is None:
            return None
        return self.training_peak.num_bytes + self.learnable_bytes + self.state_bytes

    @property
    def complete(self) -> bool:
        """Whether everything but receptive fields is known of every layer."""
        return self.peak_bytes_inference is not None and all(
            None not in (costs.learnables, costs.multiply_adds, costs.activation_bytes_training)
            for costs in self.layers.values()
        )

    @cached_property
    def learnables(self) -> int:
        """How many numbers training learns."""
        return sum(costs.learnables or 0 for costs in self.layers.values())

    @cached_property
    def states(self) -> int:
        """How many numbers training keeps besides."""
        return sum(costs.states or 0 for costs in self.layers.values())

    @cached_property
    def multiply_adds(self) -> int:
        """Multiplications, each with an addition, of one pass over the batch."""
        return sum(costs.multiply_adds or 0 for costs in self.layers.values())

    @property
    def learnable_bytes(self) -> int:
        """What the learnables take; gradients take as much again, Adam twice as much again."""
        return self.learnables * ITEM_BYTES[self.dtype]

    @property
    def state_bytes(self) -> int:
        """What the states take."""
        return self.states * ITEM_BYTES[self.dtype]

    @cached_property
    def activation_bytes_inference(self) -> int:
        """What all results would take if none were freed."""
        return sum(costs.activation_bytes_inference or 0 for costs in self.layers.values())

    @cached_property
    def activation_bytes_training(self) -> int:
        """What autograd keeps for the backward pass, and the images fed."""
        return sum(costs.activation_bytes_training or 0 for costs in self.layers.values())

    def to_dict(self) -> dict[str, Any]:
        """The totals and, under ``"layers"``, the costs of each layer, ready for JSON."""
        totals = {
            "batch_size": self.batch_size,
            "dtype": self.dtype,
            "complete": self.complete,
            "learnables": self.learnables,
            "learnable_bytes": self.learnable_bytes,
            "states": self.states,
            "state_bytes": self.state_bytes,
            "multiply_adds": self.multiply_adds,
            "activation_bytes_inference": self.activation_bytes_inference,
            "activation_bytes_training": self.activation_bytes_training,
            "peak_bytes_inference": self.peak_bytes_inference,
            "peak_layer": self.peak_layer,
            "peak_bytes_training": self.peak_bytes_training,
        }
        return {**totals, "layers": {name: asdict(costs) for name, costs in self.layers.items()}}

    def __str__(self) -> str:
        least = "" if self.complete else "at least "
        inference = training = "?"
        if self.inference_peak is not None and self.training_peak is not None:
            peak, layer = self.inference_peak
            inference = f"{byte_count(peak)} of activations (at {visible(layer)})"
            step, layer = self.peak_bytes_training or 0, self.training_peak.layer
            training = f"about {byte_count(step)} with weights and gradients (at {visible(layer)})"
        rows = {
            "Learnables": f"{least}{long_count(self.learnables)}, {byte_count(self.learnable_bytes)}",
            "States": f"{least}{long_count(self.states)}, {byte_count(self.state_bytes)}",
            "Multiply-adds": f"{least}{long_count(self.multiply_adds)}",
            "Activations in inference": f"{least}{byte_count(self.activation_bytes_inference)}",
            "Peak in inference": inference,
            "Kept for training": f"{least}{byte_count(self.activation_bytes_training)}",
            "Peak in training": training,
        }
        width = max(map(len, rows))
        lines = [f"{label:<{width}}  {text}" for label, text in rows.items()]
        return "\n".join([f"COSTS (batch of {self.batch_size}, {self.dtype})", *lines])


def network_costs(network: SizedNetwork, batch_size: int, dtype: str) -> NetworkCosts:
    """The costs of an analyzed network; see :meth:`NetworkAnalysis.costs`."""
    batch_size = whole("costs", "batch_size", batch_size)
    dtype = str(dtype).removeprefix("torch.")
    if dtype not in ITEM_BYTES:
        raise ArgumentError(f"costs: dtype is one of {', '.join(ITEM_BYTES)}, got {dtype!r}")
    lgraph, inferred_sizes = network.lgraph, network.inferred_sizes
    sizes = {}
    for name in lgraph.order:
        known = known_inputs(lgraph, lgraph[name], inferred_sizes)
        if known is not None and len(known) == len(lgraph[name].input_names):
            sizes[name] = known
    activations = Activations(lgraph, sizes, batch_size, ITEM_BYTES[dtype])
    inference = activations.of_layers()
    kept = kept_in_training(activations)
    in_training = kept.of_layers(activations)
    fields = receptive_fields(lgraph, sizes)
    found = {}
    for name in lgraph.order:
        inputs, field = activations.inputs.get(name), fields[name]
        adds = None if inputs is None else lgraph[name].multiply_adds(inputs)
        found[name] = LayerCosts(
            learnables=_total(network.learnables[name]),
            states=_total(network.states[name]),
            multiply_adds=None if adds is None else batch_size * adds,
            activation_bytes_inference=inference.get(name),
            activation_bytes_training=in_training.get(name),
            receptive_field=None if field is None else tuple(along.size for along in field),
            receptive_stride=None if field is None else tuple(along.stride for along in field),
        )
    runs = len(activations.inputs) == len(lgraph) and bool(lgraph.input_names and network_outputs(lgraph))
    weights = {name: ITEM_BYTES[dtype] * (costs.learnables or 0) for name, costs in found.items()}
    peak, training = None, None
    if runs:
        peak, training = inference_peak(activations), training_peak(activations, kept, weights)
    return NetworkCosts(batch_size, dtype, found, peak, training)


def _total(sizes: Mapping[str, Shape] | None) -> int | None:
    return None if sizes is None else sum(map(prod, sizes.values()))
