"""How a diagram is cut into boxes: series of layers at one resolution, and blocks folded into one box."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from layergraph.analyze.diagram.sides import Side, changes_of, passes, sides_of
from layergraph.analyze.kinds import FOLLOWING, kind_of
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes
from layergraph.layers import DropoutLayer

_LONGEST = 40  # layers of a stack: longer series go on in the next box

Row = tuple[str, ...]  # layers that share one line
Role = Literal["main", "skip", "reference"]


class Link(NamedTuple):
    """The connections from one layer to another, drawn as one line.

    ``role`` is ``"main"`` along the way, ``"skip"`` from one side of the U to another, ``"reference"``
    where only a size is looked up. ``ports`` are those that carry something else than data.
    """

    source: str
    destination: str
    role: Role
    ports: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """Layers that a drawing keeps together, in a row in the analyzer's order.

    Attributes:
        name: what stands above them.
        layers: their names.
        shown: ``"folded"`` into one box, in a ``"frame"``, or ``"loose"``: as if there were no part.
        times: how many exactly alike blocks in a row these are.
        blocks: how many blocks these are, alike or not.
    """

    name: str
    layers: tuple[str, ...]
    shown: Literal["folded", "frame", "loose"] = "frame"
    times: int = 1
    blocks: int = 1


@dataclass(frozen=True)
class Stack:
    """Layers that are drawn as one box, and the side of the U they stand on; ``part`` if it is folded."""

    rows: Sequence[Row]
    side: Side
    part: Part | None = None

    @property
    def layers(self) -> list[str]:
        """The names of its layers, in order."""
        return [name for row in self.rows for name in row]


@dataclass(frozen=True)
class Drawing:
    """Stacks in the order of the graph, the links between them, and the stacks in each frame."""

    stacks: Sequence[Stack]
    links: Sequence[Link]
    frames: Mapping[str, Sequence[int]]

    @property
    def is_u(self) -> bool:
        """Whether there is a way down and a way up."""
        return any(stack.side == "up" for stack in self.stacks)


def arrange(lgraph: LayerGraph, sizes: InferredSizes, *, blocks: bool, parts: Sequence[Part] = ()) -> Drawing:
    """Cut a graph into stacks: series of layers at one resolution, or (``blocks=False``) single layers.

    A folded part is one stack, whatever is in it; a frame holds its stacks together.
    """
    changes = changes_of(lgraph, sizes)
    sides = sides_of(lgraph, sizes, changes)
    links = _links(lgraph, sides, changes)
    held = {name: part for part in parts if part.shown != "loose" for name in part.layers}
    series = _series(lgraph, sides, changes, links, held) if blocks else [[name] for name in lgraph.order]
    stacks: list[Stack] = []
    folded: set[str] = set()
    for names in series:
        part = held.get(names[0])
        if part is None or part.shown != "folded":
            stacks.append(Stack(_rows(lgraph, names), sides[names[0]]))
        elif part.name not in folded:
            folded.add(part.name)
            among = {sides[name] for name in part.layers}
            side: Side = "up" if "up" in among else "down" if "down" in among else "across"
            stacks.append(Stack([part.layers], side, part))
    place = {name: index for index, stack in enumerate(stacks) for name in stack.layers}
    return Drawing(
        stacks,
        [link for link in links if place[link.source] != place[link.destination]],
        {part.name: sorted({place[name] for name in part.layers}) for part in parts if part.shown == "frame"},
    )


def _links(lgraph: LayerGraph, sides: Mapping[str, Side], changes: Mapping[str, int]) -> list[Link]:
    found: dict[tuple[str, str, Role], list[str]] = {}
    for name in lgraph.order:
        layer = lgraph[name]
        for port, end in lgraph.sources(name).items():
            role: Role = "main"
            if port == "ref":
                role = "reference"
            elif passes(lgraph, sides, changes, name, port):
                role = "skip"
            ports = found.setdefault((end.layer, name, role), [])
            if port == "ref" or port in layer.memory_ports:
                ports.append(port)
    return [Link(*key, tuple(ports)) for key, ports in found.items()]


def _series(
    lgraph: LayerGraph,
    sides: Mapping[str, Side],
    changes: Mapping[str, int],
    links: Sequence[Link],
    held: Mapping[str, Part],
) -> list[list[str]]:
    """Series of layers at one resolution; what lowers it ends a stack, what raises it begins one.

    Normalization, activation and dropout stay with the layer that they follow in any case.
    """
    into: dict[str, list[str]] = {}
    out_of: dict[str, list[str]] = {}
    for link in links:
        if link.role == "main":
            into.setdefault(link.destination, []).append(link.source)
            out_of.setdefault(link.source, []).append(link.destination)
    stacks: dict[str, list[str]] = {}  # by the last layer
    ended: set[str] = set()  # layers whose stack ends here but for what follows them
    for name in lgraph.order:
        before = into.get(name, [])
        joined = (
            len(before) == 1
            and len(out_of[before[0]]) == 1
            and sides[before[0]] == sides[name]
            and held.get(before[0]) is held.get(name)
            and changes[name] != 1
            and (before[0] not in ended or _follows(lgraph, name))
            and (len(stacks[before[0]]) < _LONGEST or _follows(lgraph, name))
        )
        if changes[name] == -1 or (joined and before[0] in ended):
            ended.add(name)
        stack = stacks.pop(before[0]) if joined else []
        stack.append(name)
        stacks[name] = stack
    position = {name: index for index, name in enumerate(lgraph.order)}
    return sorted(stacks.values(), key=lambda stack: position[stack[0]])


def _rows(lgraph: LayerGraph, stack: Sequence[str]) -> list[Row]:
    """The lines of a stack: activations and the like stand with the layer before them."""
    rows: list[Row] = []
    for name in stack:
        if rows and _follows(lgraph, name) and not lgraph[rows[-1][0]].is_input:
            rows[-1] = (*rows[-1], name)
        else:
            rows.append((name,))
    return rows


def _follows(lgraph: LayerGraph, name: str) -> bool:
    layer = lgraph[name]
    return kind_of(layer) in FOLLOWING or isinstance(layer, DropoutLayer)
