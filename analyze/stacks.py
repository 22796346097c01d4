"""How a diagram is cut into stacks of layers, and which of them stand on the way down and on the way up.

A network that halves its image and doubles it again is drawn as a U: down on the left what leads to
the first doubling, up on the right what comes of it, and between them what leads across. All of this comes
from sizes and connections, nothing from names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, NamedTuple

from layergraph.analyze.kinds import FOLLOWING, Kind, kind_of
from layergraph.graph import LayerGraph
from layergraph.layers import Crop2dLayer, Crop3dLayer, DropoutLayer
from layergraph.propagation import Propagation
from layergraph.sizes import Size

_LONGEST = 40  # layers of a stack: longer series go on in the next box

Row = tuple[str, ...]  # layers that share one line
Side = Literal["down", "across", "up"]
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
class Stack:
    """Layers that are drawn as one box, and the side of the U they stand on."""

    rows: Sequence[Row]
    side: Side


@dataclass(frozen=True)
class Drawing:
    """Stacks in the order of the graph, and the links between them."""

    stacks: Sequence[Stack]
    links: Sequence[Link]

    @property
    def is_u(self) -> bool:
        """Whether there is a way down and a way up."""
        return any(stack.side == "up" for stack in self.stacks)


def arrange(lgraph: LayerGraph, sizes: Propagation, *, blocks: bool) -> Drawing:
    """Cut a graph into stacks: series of layers at one resolution, or (``blocks=False``) single layers."""
    changes = {name: _change(lgraph, sizes, name) for name in lgraph}
    sides = _sides(lgraph, sizes, changes)
    links = _links(lgraph, sides, changes)
    stacks = _stacks(lgraph, sides, changes, links) if blocks else [[name] for name in lgraph.order]
    place = {name: index for index, stack in enumerate(stacks) for name in stack}
    return Drawing(
        [Stack(_rows(lgraph, stack), sides[stack[0]]) for stack in stacks],
        [link for link in links if place[link.source] != place[link.destination]],
    )


def _change(lgraph: LayerGraph, sizes: Propagation, name: str) -> int:
    """What a layer does to the resolution: -1 lowers it, 1 raises it, 0 keeps it (a crop does, too)."""
    layer = lgraph[name]
    kind = kind_of(layer)
    if kind in ("input", "joining", "output") or isinstance(layer, (Crop2dLayer, Crop3dLayer)):
        return 0
    before, after = sizes.inputs[name][0], sizes.outputs[name][0]
    if before is None or after is None:
        # beyond an error sizes are unknown, and the drawing keeps the form that it had
        by_kind: dict[Kind, int] = {"pooling": -1, "transposed convolution": 1, "unpooling": 1}
        return by_kind.get(kind, 0)
    ratio = _area(after) / _area(before)
    return 1 if ratio > 1.5 else -1 if ratio < 0.6 else 0


def _area(size: Size) -> int:
    return prod(size.spatial)


def _sides(lgraph: LayerGraph, sizes: Propagation, changes: Mapping[str, int]) -> dict[str, Side]:
    """The side of the U on which each layer stands; all are on the way down if the network is no U."""
    up: set[str] = set()
    bottom: list[str] = []  # what the way up starts from
    for name in lgraph.order:
        fed = {port: end.layer for port, end in lgraph.sources(name).items() if port != "ref"}
        follows = any(source in up for source in fed.values())
        if changes[name] == 1 or follows:
            up.add(name)
            first = fed.get(lgraph[name].input_names[0])
            if changes[name] == 1 and first is not None and first not in up:
                bottom.append(first)
        after = sizes.outputs[name][0]
        if follows and changes[name] == -1 and (after is None or _area(after) > 1):
            up.clear()  # it goes down a second time
            break
    down = _ancestors(lgraph, bottom)
    if not up or not any(changes[name] == -1 for name in down):
        return dict.fromkeys(lgraph, "down")
    return {name: "up" if name in up else "down" if name in down else "across" for name in lgraph}


def _ancestors(lgraph: LayerGraph, names: Sequence[str]) -> set[str]:
    found = set(names)
    stack = list(names)
    while stack:
        for port, end in lgraph.sources(stack.pop()).items():
            if port != "ref" and end.layer not in found:
                found.add(end.layer)
                stack.append(end.layer)
    return found


def _links(lgraph: LayerGraph, sides: Mapping[str, Side], changes: Mapping[str, int]) -> list[Link]:
    found: dict[tuple[str, str, Role], list[str]] = {}
    for name in lgraph.order:
        layer = lgraph[name]
        for port, end in lgraph.sources(name).items():
            role: Role = "main"
            if port == "ref":
                role = "reference"
            elif sides[name] != sides[end.layer] and not (
                changes[name] == 1 and port == layer.input_names[0]
            ):
                role = "skip"
            ports = found.setdefault((end.layer, name, role), [])
            if port == "ref" or port in layer.memory_ports:
                ports.append(port)
    return [Link(*key, tuple(ports)) for key, ports in found.items()]


def _stacks(
    lgraph: LayerGraph, sides: Mapping[str, Side], changes: Mapping[str, int], links: Sequence[Link]
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
