"""The memory that activations take: the plan of a compiled network, walked without running it.

Tensors are counted by what owns their memory: a crop is a view of what it crops, an input layer without
normalization gives the image itself. No layer of a compiled network works in place, so a ReLU's input and
its result are there at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import network_outputs
from layergraph.layers.memory_rule import Amount
from layergraph.network.plan import Plan, make_plan
from layergraph.sizes import Size


class Activations:
    """What each layer's activations take, in bytes.

    ``inputs`` are the sizes of the inputs of each layer, in the order of the graph, without the layers
    where they are not known. The image that is fed to an input layer is that layer's end ``""``.
    """

    def __init__(
        self, lgraph: LayerGraph, inputs: Mapping[str, Sequence[Size]], batch_size: int, item_bytes: int
    ) -> None:
        self.lgraph, self.batch_size, self.item_bytes = lgraph, batch_size, item_bytes
        self.inputs = inputs
        self._owners: dict[bool, dict[End, End]] = {}
        self.memory: dict[End, int] = {}
        for name, known in inputs.items():
            layer = lgraph[name]
            if layer.is_input:
                (size,) = layer.output_sizes([])
                self.memory[End(name, "")] = self.num_bytes(Amount(size.num_elements))
            for port, amount in zip(layer.output_names or ("out",), layer.output_memory(known), strict=True):
                self.memory[End(name, port)] = self.num_bytes(amount)

    def num_bytes(self, amount: Amount) -> int:
        """An amount in bytes."""
        return amount.num_bytes(self.batch_size, self.item_bytes)

    def sources(self, name: str) -> list[End]:
        """What feeds a layer, in the order of its ports; an input layer is fed an image."""
        layer, fed = self.lgraph[name], self.lgraph.sources(name)
        return [End(name, "")] if layer.is_input else [fed[port] for port in layer.input_names]

    def owners(self, training: bool) -> dict[End, End]:
        """For each tensor the one whose memory it is in."""
        if training not in self._owners:
            self._owners[training] = self._owned(training)
        return self._owners[training]

    def _owned(self, training: bool) -> dict[End, End]:
        owners: dict[End, End] = {}
        for name, inputs in self.inputs.items():
            layer = self.lgraph[name]
            if layer.is_input:
                owners[End(name, "")] = End(name, "")
            for port in layer.output_names or ("out",):
                owners[End(name, port)] = End(name, port)
            if layer.shares_memory(inputs, training):
                source = self.sources(name)[0]
                owners[End(name, (*layer.output_names, "out")[0])] = owners.get(source, source)
        return owners

    def of_layers(self) -> dict[str, int]:
        """What each layer adds in inference: its outputs, and for an input layer the image."""
        owners = self.owners(training=False)
        found = dict.fromkeys(self.inputs, 0)
        for end, owner in owners.items():
            if end == owner:
                found[end.layer] += self.memory[end]
        return found


class Peak(NamedTuple):
    """The most bytes there are at once, and the layer that runs then."""

    num_bytes: int
    layer: str


class Alive:
    """The bytes that are alive, and the most there were; memory that several hold is there once."""

    def __init__(self, memory: Mapping[End, int]) -> None:
        self._memory, self._holders = memory, Counter[End]()
        self.num_bytes = 0
        self.peak = Peak(0, "")

    def hold(self, owner: End) -> None:
        """One more holds this memory."""
        self._holders[owner] += 1
        if self._holders[owner] == 1:
            self.add(self._memory[owner], owner.layer)

    def release(self, owner: End) -> None:
        """One less holds this memory; the last one frees it."""
        self._holders[owner] -= 1
        if not self._holders[owner]:
            self.num_bytes -= self._memory[owner]

    def add(self, num_bytes: int, layer: str) -> None:
        """So much more (or less) than before, while this layer runs."""
        self.num_bytes += num_bytes
        if self.num_bytes > self.peak.num_bytes:
            self.peak = Peak(self.num_bytes, layer)


def inference_peak(activations: Activations) -> Peak:
    """The largest sum of what is alive, when each tensor is freed after the last layer that reads it.

    The images fed stay alive, because the caller holds them.
    """
    lgraph, owners = activations.lgraph, activations.owners(training=False)
    plan, ends = plan_of(lgraph, results_of(lgraph))
    alive = Alive(activations.memory)
    for name in lgraph.input_names:
        alive.hold(End(name, ""))
    for row in plan.rows:
        for slot in row.outputs:
            alive.hold(owners[ends[slot]])
        scratch = activations.num_bytes(lgraph[row.key].scratch(activations.inputs[row.key]))
        alive.add(scratch, row.key)
        alive.add(-scratch, row.key)
        for slot in row.free:
            if ends[slot].port:
                alive.release(owners[ends[slot]])
    return alive.peak


def results_of(lgraph: LayerGraph) -> list[End]:
    """What a network of this graph returns."""
    return [End(name, (*lgraph[name].output_names, "out")[0]) for name in network_outputs(lgraph)]


def plan_of(lgraph: LayerGraph, results: Sequence[End]) -> tuple[Plan, list[End]]:
    """The plan that computes these, with layer names as keys, and what each slot holds."""
    plan = make_plan(lgraph, results, {name: (name,) for name in lgraph})
    ends = [End("", "")] * plan.num_slots
    for slot, name in zip(plan.inputs, lgraph.input_names, strict=True):
        ends[slot] = End(name, "")
    for row in plan.rows:
        for slot, port in zip(row.outputs, lgraph[row.key].output_names or ("out",), strict=True):
            ends[slot] = End(row.key, port)
    return plan, ends
