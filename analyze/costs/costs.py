"""The costs of a network: learnables, multiply-adds, memory and receptive fields, by arithmetic alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from math import prod
from typing import Any

from layergraph.analyze.sized_network import SizedNetwork, known_inputs
from layergraph.errors import ArgumentError
from layergraph.graph.receptive_field import receptive_fields
from layergraph.graph.size_inference import network_outputs
from layergraph.layers.arguments import whole
from layergraph.layers.layer import Shape
from layergraph.network.activation_memory import Activations, Peak, inference_peak
from layergraph.network.training_memory import saved_in_training, training_peak
from layergraph.notebook import texts_html
from layergraph.wording import byte_count, long_count, visible

ITEM_BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class LayerCosts:
    """The costs of one layer; ``None`` where errors leave them unknown.

    Attributes:
        learnables: number of elements that training learns.
        states: number of elements that training updates without learning them, such as running means.
        multiply_adds: multiplications, each with an addition, for the whole batch; torch's
            ``FlopCounterMode`` counts two operations for each.
        activation_bytes_inference: bytes of its results; 0 where they are a view of its input.
        activation_bytes_training: bytes that autograd saves for the backward pass: its results, if this layer
            or one downstream saves them, and masks, indices or padded copies; for an input layer also the
            images.
        receptive_field: for each spatial dimension, the number of positions of the input image, from the
            first to the last, that an element of the result depends on: the largest of all elements, as if
            the image had no border. ``None`` also downstream of a :class:`ModuleLayer` and of images that
            are concatenated side by side.
        receptive_stride: the shift of the field from one element to the next; below 1 where the result is
            larger than the image, 0 where all elements have the same field. Where branches of different
            strides join, that of the largest field.
    """

    learnables: int | None
    states: int | None
    multiply_adds: int | None
    activation_bytes_inference: int | None
    activation_bytes_training: int | None
    receptive_field: Shape | None
    receptive_stride: tuple[float, ...] | None


@dataclass(frozen=True, eq=False, repr=False)
class NetworkCosts:
    """The costs of a network for a batch of this size in this dtype; ``print`` shows the totals.

    Where errors leave the costs of some layers unknown (``complete`` is false), totals are lower bounds.

    Attributes:
        batch_size, dtype: the arguments of the call; the dtype is that of weights and activations alike.
        layers: the costs of each layer by its name, in the analyzer's order.
        inference_peak: the most bytes of activations at once in inference, and the layer that runs at that
            time. Compiled networks free each result after the last layer that reads it; no layer works in
            place. ``None`` where errors keep the network from running.
        training_peak: the same for a training step, forward and backward: an estimate, with the gradients
            of activations and weights, without the weights themselves.

    Two things are not counted: the workspace of torch's operations, which is unknown, and the state of the
    optimizer (SGDM takes as much as the learnables, Adam twice as much). On a GPU the masks of dropout are
    smaller: one byte per element.
    """

    batch_size: int
    dtype: str
    layers: Mapping[str, LayerCosts]
    inference_peak: Peak | None
    training_peak: Peak | None

    @property
    def peak_bytes_inference(self) -> int | None:
        """The most bytes of activations at once in inference, without the weights."""
        return None if self.inference_peak is None else self.inference_peak.num_bytes

    @property
    def peak_layer(self) -> str:
        """The layer that runs at the peak of inference; empty where errors keep the network from running."""
        return "" if self.inference_peak is None else self.inference_peak.layer

    @property
    def peak_bytes_training(self) -> int | None:
        """The most bytes at once in a training step, weights and gradients included; an estimate."""
        if self.training_peak is None:
            return None
        return self.training_peak.num_bytes + self.learnable_bytes + self.state_bytes

    @property
    def complete(self) -> bool:
        """Whether all costs of every layer are known, receptive fields aside."""
        return self.peak_bytes_inference is not None and all(
            None not in (costs.learnables, costs.multiply_adds, costs.activation_bytes_training)
            for costs in self.layers.values()
        )

    @cached_property
    def learnables(self) -> int:
        """Number of elements that training learns."""
        return sum(costs.learnables or 0 for costs in self.layers.values())

    @cached_property
    def states(self) -> int:
        """Number of elements that training updates without learning them."""
        return sum(costs.states or 0 for costs in self.layers.values())

    @cached_property
    def multiply_adds(self) -> int:
        """Multiplications, each with an addition, of one pass over the batch."""
        return sum(costs.multiply_adds or 0 for costs in self.layers.values())

    @property
    def learnable_bytes(self) -> int:
        """Bytes of the learnables; their gradients take as much again, Adam twice as much."""
        return self.learnables * ITEM_BYTES[self.dtype]

    @property
    def state_bytes(self) -> int:
        """Bytes of the states."""
        return self.states * ITEM_BYTES[self.dtype]

    @cached_property
    def activation_bytes_inference(self) -> int:
        """Bytes of all results together, if none were freed."""
        return sum(costs.activation_bytes_inference or 0 for costs in self.layers.values())

    @cached_property
    def activation_bytes_training(self) -> int:
        """Bytes that autograd saves for the backward pass, and of the images."""
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

    def _title(self) -> str:
        return f"COSTS (batch of {self.batch_size}, {self.dtype})"

    def _rows(self) -> dict[str, str]:
        """The totals as texts by their labels."""
        least = "" if self.complete else "at least "
        inference = training = "?"
        if self.inference_peak is not None and self.training_peak is not None:
            peak, layer = self.inference_peak
            inference = f"{byte_count(peak)} of activations (at {visible(layer)})"
            step, layer = self.peak_bytes_training or 0, self.training_peak.layer
            training = f"about {byte_count(step)} with weights and gradients (at {visible(layer)})"
        return {
            "Learnables": f"{least}{long_count(self.learnables)}, {byte_count(self.learnable_bytes)}",
            "States": f"{least}{long_count(self.states)}, {byte_count(self.state_bytes)}",
            "Multiply-adds": f"{least}{long_count(self.multiply_adds)}",
            "Activations in inference": f"{least}{byte_count(self.activation_bytes_inference)}",
            "Peak in inference": inference,
            "Saved for backward": f"{least}{byte_count(self.activation_bytes_training)}",
            "Peak in training": training,
        }

    def __str__(self) -> str:
        rows = self._rows()
        width = max(map(len, rows))
        lines = [f"{label:<{width}}  {text}" for label, text in rows.items()]
        return "\n".join([self._title(), *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return texts_html(self._rows().items(), self._title())


def network_costs(network: SizedNetwork, batch_size: int, dtype: str) -> NetworkCosts:
    """The costs of an analyzed network; see :meth:`NetworkAnalysis.costs`."""
    batch_size = whole("costs", "batch_size", batch_size)
    dtype = str(dtype).removeprefix("torch.")
    if dtype not in ITEM_BYTES:
        raise ArgumentError(f"costs: dtype must be one of {', '.join(ITEM_BYTES)}, got {dtype!r}")
    lgraph, inferred_sizes = network.lgraph, network.inferred_sizes
    # a layer needs all its inputs: with one unknown, the others say nothing about its costs
    sizes = {}
    for name in lgraph.order:
        known = known_inputs(lgraph, lgraph[name], inferred_sizes)
        if known is not None and len(known) == len(lgraph[name].input_names):
            sizes[name] = known
    activations = Activations(lgraph, sizes, batch_size, ITEM_BYTES[dtype])
    inference = activations.per_layer()
    saved = saved_in_training(activations)
    training = saved.per_layer(activations)
    fields = receptive_fields(lgraph, sizes)
    layers = {}
    for name in lgraph.order:
        inputs, field = activations.inputs.get(name), fields[name]
        adds = None if inputs is None else lgraph[name].multiply_adds(inputs)
        layers[name] = LayerCosts(
            learnables=_total(network.learnables[name]),
            states=_total(network.states[name]),
            multiply_adds=None if adds is None else batch_size * adds,
            activation_bytes_inference=inference.get(name),
            activation_bytes_training=training.get(name),
            receptive_field=None if field is None else tuple(one.size for one in field),
            receptive_stride=None if field is None else tuple(one.stride for one in field),
        )
    # a peak depends on every layer, whereas totals are still lower bounds
    runs = len(activations.inputs) == len(lgraph) and bool(lgraph.input_names and network_outputs(lgraph))
    if not runs:
        return NetworkCosts(batch_size, dtype, layers, None, None)
    weights = {name: ITEM_BYTES[dtype] * (costs.learnables or 0) for name, costs in layers.items()}
    peaks = inference_peak(activations), training_peak(activations, saved, weights)
    return NetworkCosts(batch_size, dtype, layers, *peaks)


def _total(sizes: Mapping[str, Shape] | None) -> int | None:
    return None if sizes is None else sum(map(prod, sizes.values()))
