"""The memory of activations, computed by following the plan of a compiled network without running it.

The sum over all layers counts too much: a crop is a view of its input, an input layer without normalization
returns the image itself, and a tensor is freed after its last reader. So memory is counted by its owner, and
freed when the last holder releases it. No layer of a compiled network works in place: the input and the
result of a ReLU exist at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from layergraph.amounts import Amount
from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import network_outputs
from layergraph.network.plan import Plan, make_plan
from layergraph.sizes import Size


class Activations:
    """The bytes of each layer's activations.

    ``inputs`` maps each layer, in the order of the graph, to the sizes of its inputs; layers with unknown
    sizes are missing. The image of an input layer is the end of that layer with the port ``""``.
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
        """The bytes of an amount."""
        return amount.num_bytes(self.batch_size, self.item_bytes)

    def sources(self, name: str) -> list[End]:
        """The outputs that feed a layer, in the order of its ports; for an input layer the image."""
        layer, fed = self.lgraph[name], self.lgraph.sources(name)
        return [End(name, "")] if layer.is_input else [fed[port] for port in layer.input_names]

    def owners(self, training: bool) -> dict[End, End]:
        """Maps each tensor to the one that owns its memory: itself, or the one of which it is a view."""
        if training not in self._owners:
            self._owners[training] = self._find_owners(training)
        return self._owners[training]

    def _find_owners(self, training: bool) -> dict[End, End]:
        owners: dict[End, End] = {}
        for name, inputs in self.inputs.items():
            layer = self.lgraph[name]
            if layer.is_input:
                owners[End(name, "")] = End(name, "")
            for port in layer.output_names or ("out",):
                owners[End(name, port)] = End(name, port)
            # the owner of a view may itself be a view: owners are final in topological order
            if layer.shares_memory(inputs, training):
                source = self.sources(name)[0]
                owners[End(name, (*layer.output_names, "out")[0])] = owners.get(source, source)
        return owners

    def per_layer(self) -> dict[str, int]:
        """The bytes that each layer allocates in inference; for an input layer also the image."""
        num_bytes = dict.fromkeys(self.inputs, 0)
        for end, owner in self.owners(training=False).items():
            if end == owner:
                num_bytes[end.layer] += self.memory[end]
        return num_bytes


class Peak(NamedTuple):
    """The most bytes that are live at once, and the layer that runs at that time."""

    num_bytes: int
    layer: str


class LiveMemory:
    """The bytes that are live, and their peak so far; memory with several holders counts once."""

    def __init__(self, memory: Mapping[End, int]) -> None:
        self._memory, self._holders = memory, Counter[End]()
        self.num_bytes = 0
        self.peak = Peak(0, "")

    def hold(self, owner: End) -> None:
        """Add a holder of this memory."""
        self._holders[owner] += 1
        if self._holders[owner] == 1:
            self.add(self._memory[owner], owner.layer)

    def release(self, owner: End) -> None:
        """Remove a holder of this memory; the last one frees it."""
        self._holders[owner] -= 1
        if not self._holders[owner]:
            self.num_bytes -= self._memory[owner]

    def add(self, num_bytes: int, layer: str) -> None:
        """Add this many bytes, or free them if negative, while this layer runs."""
        self.num_bytes += num_bytes
        if self.num_bytes > self.peak.num_bytes:
            self.peak = Peak(self.num_bytes, layer)


def inference_peak(activations: Activations) -> Peak:
    """The peak when each tensor is freed after the last layer that reads it.

    The images stay live, because the caller holds them.
    """
    lgraph, owners = activations.lgraph, activations.owners(training=False)
    plan, ends = plan_of(lgraph, results_of(lgraph))
    live = LiveMemory(activations.memory)
    for name in lgraph.input_names:
        live.hold(End(name, ""))
    for row in plan.rows:
        for slot in row.outputs:
            live.hold(owners[ends[slot]])
        # inputs are freed only after the layer has run: its workspace and result come on top of them
        workspace = activations.num_bytes(lgraph[row.key].workspace(activations.inputs[row.key]))
        live.add(workspace, row.key)
        live.add(-workspace, row.key)
        for slot in row.free:
            if ends[slot].port:  # the caller holds the images
                live.release(owners[ends[slot]])
    return live.peak


def results_of(lgraph: LayerGraph) -> list[End]:
    """The tensors that a network of this graph returns."""
    return [End(name, (*lgraph[name].output_names, "out")[0]) for name in network_outputs(lgraph)]


def plan_of(lgraph: LayerGraph, results: Sequence[End]) -> tuple[Plan, list[End]]:
    """The plan that computes these tensors, with layer names as keys, and the tensor in each slot."""
    plan = make_plan(lgraph, results, {name: (name,) for name in lgraph})
    ends = [End("", "")] * plan.num_slots
    for slot, name in zip(plan.inputs, lgraph.input_names, strict=True):
        ends[slot] = End(name, "")
    for row in plan.rows:
        for slot, port in zip(row.outputs, lgraph[row.key].output_names or ("out",), strict=True):
            ends[slot] = End(row.key, port)
    return plan, ends
