"""Arrange the layers of a diagram in stacks, each drawn as one box, with the links between them.

A stack is a series of layers at one resolution, or a folded block. The phases:

1. Find the sides of a U (``sides.py``), because a series never leaves its side.
2. Give each connection its role. Only main connections form series: a skip connection would otherwise end a
   series at every layer that it leaves.
3. Grow series along the order of the graph. A layer joins the series upstream of it if that is its only main
   connection on both ends; a layer that lowers the resolution ends a series, one that raises it begins one.
4. Replace the series inside a folded block by one stack, mark the shortcuts past its layers, and collect the
   stacks of each frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from layergraph.analyze.diagram.shortcuts import find_shortcuts
from layergraph.analyze.diagram.sides import Side, crosses, find_sides, resolution_changes
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes

_LONGEST = 40  # layers of a stack; a longer series continues in the next box

Row = tuple[str, ...]  # layers that share one line
Role = Literal["main", "skip", "shortcut", "reference"]


class Link(NamedTuple):
    """The connections from one layer to another that are drawn as one line.

    ``role`` is ``"main"`` within a side of the U and at its bottom, ``"skip"`` from one side to another, and
    ``"shortcut"`` into a folded block past some of its layers, and ``"reference"`` where a layer only looks
    up a size. ``ports`` are the ports that carry no data.
    """

    source: str
    destination: str
    role: Role
    ports: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """Consecutive layers, in the analyzer's order, that a diagram keeps together.

    Attributes:
        name: the heading.
        layers: their names.
        form: ``"folded"`` into one box, in a ``"frame"``, or ``"loose"``: as if there were no part.
        times: the number of exactly alike blocks that the part consists of.
        blocks: the number of blocks that the part consists of, alike or not.
    """

    name: str
    layers: tuple[str, ...]
    form: Literal["folded", "frame", "loose"] = "frame"
    times: int = 1
    blocks: int = 1


@dataclass(frozen=True)
class Stack:
    """Layers that are drawn as one box, the side of the U they are on, and the part if it is folded."""

    rows: Sequence[Row]
    side: Side
    part: Part | None = None

    @property
    def layers(self) -> list[str]:
        """The names of its layers, in order."""
        return [name for row in self.rows for name in row]


@dataclass(frozen=True)
class Arrangement:
    """Stacks in the order of the graph, the links between them, and the stacks in each frame."""

    stacks: Sequence[Stack]
    links: Sequence[Link]
    frames: Mapping[str, Sequence[int]]

    @property
    def is_u(self) -> bool:
        """Whether the network goes down and comes up again."""
        return any(stack.side == "up" for stack in self.stacks)


def arrange(
    lgraph: LayerGraph, sizes: InferredSizes, *, series: bool, parts: Sequence[Part] = ()
) -> Arrangement:
    """Arrange a graph in stacks: series of layers at one resolution, or single layers (``series=False``)."""
    # 1. and 2.
    changes = resolution_changes(lgraph, sizes)
    sides = find_sides(lgraph, sizes, changes)
    links = _links(lgraph, sides, changes)
    # 3.
    part_of = {name: part for part in parts if part.form != "loose" for name in part.layers}
    groups = _series(lgraph, sides, changes, links, part_of) if series else [[name] for name in lgraph.order]
    # 4.
    stacks: list[Stack] = []
    folded: set[str] = set()
    for names in groups:
        part = part_of.get(names[0])
        if part is None or part.form != "folded":
            stacks.append(Stack(_rows(lgraph, names), sides[names[0]]))
        elif part.name not in folded:
            folded.add(part.name)
            sides_of_part = {sides[name] for name in part.layers}
            side: Side = "up" if "up" in sides_of_part else "down" if "down" in sides_of_part else "across"
            stacks.append(Stack([part.layers], side, part))
    position = {name: index for index, stack in enumerate(stacks) for name in stack.layers}
    between = [link for link in links if position[link.source] != position[link.destination]]
    return Arrangement(
        stacks,
        _mark_shortcuts(lgraph, stacks, position, between),
        {
            part.name: sorted({position[name] for name in part.layers})
            for part in parts
            if part.form == "frame"
        },
    )


def _links(lgraph: LayerGraph, sides: Mapping[str, Side], changes: Mapping[str, int]) -> list[Link]:
    ports_of: dict[tuple[str, str, Role], list[str]] = {}
    for name in lgraph.order:
        layer = lgraph[name]
        for port, end in lgraph.sources(name).items():
            role: Role = "main"
            if port == "ref":
                role = "reference"
            elif crosses(lgraph, sides, changes, name, port):
                role = "skip"
            ports = ports_of.setdefault((end.layer, name, role), [])
            if port == "ref" or port in layer.memory_ports:
                ports.append(port)
    return [Link(*key, tuple(ports)) for key, ports in ports_of.items()]


def _mark_shortcuts(
    lgraph: LayerGraph, stacks: Sequence[Stack], position: Mapping[str, int], links: Sequence[Link]
) -> list[Link]:
    """The links with the role ``"shortcut"`` for those past layers of a folded block."""
    entries: dict[int, list[tuple[str, str]]] = {}
    for link in links:
        index = position[link.destination]
        if link.role == "main" and stacks[index].part:
            entries.setdefault(index, []).append((link.source, link.destination))
    shortcuts = {
        pair
        for index, pairs in entries.items()
        for pair in find_shortcuts(lgraph, stacks[index].layers, pairs)
    }
    return [
        link._replace(role="shortcut") if link[:2] in shortcuts and link.role == "main" else link
        for link in links
    ]


def _series(
    lgraph: LayerGraph,
    sides: Mapping[str, Side],
    changes: Mapping[str, int],
    links: Sequence[Link],
    part_of: Mapping[str, Part],
) -> list[list[str]]:
    """Series of layers at one resolution, in the order of their first layers."""
    sources: dict[str, list[str]] = {}
    destinations: dict[str, list[str]] = {}
    for link in links:
        if link.role == "main":
            sources.setdefault(link.destination, []).append(link.source)
            destinations.setdefault(link.source, []).append(link.destination)
    series: dict[str, list[str]] = {}  # by the last layer
    ended: set[str] = set()  # layers after which only the layers that follow them may join
    for name in lgraph.order:
        upstream = sources.get(name, [])
        joins = (
            len(upstream) == 1
            and len(destinations[upstream[0]]) == 1
            and sides[upstream[0]] == sides[name]
            and part_of.get(upstream[0]) is part_of.get(name)
            and changes[name] != 1
            # an activation must not open the next box, wherever the series ends
            and (
                lgraph[name].is_part_of_previous
                or (upstream[0] not in ended and len(series[upstream[0]]) < _LONGEST)
            )
        )
        if changes[name] == -1 or (joins and upstream[0] in ended):
            ended.add(name)
        names = series.pop(upstream[0]) if joins else []
        names.append(name)
        series[name] = names
    position = {name: index for index, name in enumerate(lgraph.order)}
    return sorted(series.values(), key=lambda names: position[names[0]])


def _rows(lgraph: LayerGraph, names: Sequence[str]) -> list[Row]:
    """The lines of a stack; normalization, activation and dropout share that of the layer they follow."""
    rows: list[Row] = []
    for name in names:
        if rows and lgraph[name].is_part_of_previous and not lgraph[rows[-1][0]].is_input:
            rows[-1] = (*rows[-1], name)
        else:
            rows.append((name,))
    return rows
