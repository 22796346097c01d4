"""The plan of a network: the modules in order, and the slots that each one reads, writes and frees.

A network stores every output of a layer in a numbered slot. Looking outputs up by name would cost time in
each step, and torch.compile would guard every name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from layergraph.graph.draft import End

if TYPE_CHECKING:
    from layergraph.graph.graph import Graph


class Row(NamedTuple):
    """One layer: the keys of its module, the slots of its inputs and outputs, the slots to free after it."""

    key: str  # of the network's child
    path: tuple[str, ...]  # the keys below that, for a layer name with dots
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    free: tuple[int, ...]


class Plan(NamedTuple):
    """The rows in the order of execution, the number of slots, the slots of the inputs and of the results."""

    rows: tuple[Row, ...]
    num_slots: int
    inputs: tuple[int, ...]
    results: tuple[int, ...]


def make_plan(lgraph: Graph, results: Sequence[End], keys: dict[str, tuple[str, ...]]) -> Plan:
    """Make the plan that computes these results, with only the layers that they need.

    Args:
        lgraph: a graph without errors.
        results: the output ports to return.
        keys: the path of keys to the module of each layer.
    """
    needed = lgraph.upstream(end.layer for end in results)
    order = [name for name in lgraph.order if name in needed]
    # an input layer has no source: its own name without a port is the key of the slot with the user's tensor
    slots: dict[End, int] = {End(name, ""): i for i, name in enumerate(lgraph.input_names)}
    rows = []
    for name in order:
        layer = lgraph[name]
        by_port = lgraph.sources(name)
        sources = [End(name, "")] if layer.is_input else [by_port[port] for port in layer.input_names]
        inputs = tuple(slots[source] for source in sources)
        outputs = []
        for port in layer.output_names or ("out",):
            slots[End(name, port)] = len(slots)
            outputs.append(slots[End(name, port)])
        rows.append(Row(keys[name][0], keys[name][1:], inputs, tuple(outputs), ()))
    returned = tuple(slots[end] for end in results)
    return Plan(_free_slots(rows, returned), len(slots), tuple(range(len(lgraph.input_names))), returned)


def _free_slots(rows: Sequence[Row], returned: Sequence[int]) -> tuple[Row, ...]:
    """The rows, each of which frees the slots that no later row reads."""
    # backward: the first row met that has a slot is the last one that reads it, or writes it for no reader
    freeing = []
    used_later = set(returned)
    for row in reversed(rows):
        free = tuple(slot for slot in dict.fromkeys((*row.inputs, *row.outputs)) if slot not in used_later)
        used_later.update(free)
        freeing.append(row._replace(free=free))
    return tuple(reversed(freeing))
