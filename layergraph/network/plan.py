"""The frozen plan of a network: which module reads and writes which slot, and when a slot is free."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from layergraph.graph.draft import End

if TYPE_CHECKING:
    from layergraph.graph.graph import Graph


class Row(NamedTuple):
    """One layer: where its module is, the slots of its inputs and outputs, the slots to free after."""

    key: str  # in the network's modules
    path: tuple[str, ...]  # further down, for a layer name with dots
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    free: tuple[int, ...]


class Plan(NamedTuple):
    """The rows in order, the number of slots, and the slots of the network's inputs and results."""

    rows: tuple[Row, ...]
    num_slots: int
    inputs: tuple[int, ...]
    results: tuple[int, ...]


def make_plan(lgraph: Graph, results: Sequence[End], keys: dict[str, tuple[str, ...]]) -> Plan:
    """The plan that computes these results, and no layer that they do not need.

    ``keys`` says for each layer under which module keys it is found.
    """
    needed = lgraph.upstream(end.layer for end in results)
    order = [name for name in lgraph.order if name in needed]
    slots: dict[End, int] = {End(name, ""): i for i, name in enumerate(lgraph.input_names)}
    rows = []
    for name in order:
        layer = lgraph[name]
        fed = lgraph.sources(name)
        sources = [End(name, "")] if layer.is_input else [fed[port] for port in layer.input_names]
        inputs = tuple(slots[source] for source in sources)
        outputs = []
        for port in layer.output_names or ("out",):
            slots[End(name, port)] = len(slots)
            outputs.append(slots[End(name, port)])
        rows.append(Row(keys[name][0], keys[name][1:], inputs, tuple(outputs), ()))
    wanted = tuple(slots[end] for end in results)
    return Plan(_freeing(rows, set(wanted)), len(slots), tuple(range(len(lgraph.input_names))), wanted)


def _freeing(rows: Sequence[Row], kept: set[int]) -> tuple[Row, ...]:
    """The rows with each slot freed after the row that reads it last, or writes it for nobody."""
    last = []
    seen = set(kept)
    for row in reversed(rows):
        free = tuple(slot for slot in dict.fromkeys((*row.inputs, *row.outputs)) if slot not in seen)
        seen.update(free)
        last.append(row._replace(free=free))
    return tuple(reversed(last))
