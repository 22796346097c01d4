"""The tables behind a LayerGraph, and the steps of an edit on a copy of them.

An edit copies the draft of its graph, changes the copy and wraps it; a step that raises leaves a
copy that nobody holds. The inner tables are never changed in place, so that copies can share them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from layergraph.errors import (
    CycleError,
    PortTakenError,
    UnknownConnectionError,
    UnknownLayerError,
    UnknownPortError,
    WrongTypeError,
    did_you_mean,
)
from layergraph.graph.naming import name_layers
from layergraph.layers.layer import Layer
from layergraph.wording import listed, quoted, unquoted


class End(NamedTuple):
    """One end of a connection: a layer and one of its ports."""

    layer: str
    port: str


class Draft:
    """Layers by name; what feeds each input; what each layer feeds."""

    __slots__ = ("incoming", "layers", "outgoing")

    def __init__(
        self,
        layers: dict[str, Layer],
        incoming: dict[str, Mapping[str, End]],
        outgoing: dict[str, tuple[tuple[str, End], ...]],
    ) -> None:
        self.layers, self.incoming, self.outgoing = layers, incoming, outgoing

    def copy(self) -> Draft:
        return Draft(self.layers.copy(), self.incoming.copy(), self.outgoing.copy())

    # -- ends of connections -------------------------------------------------------------------

    def source_end(self, text: str) -> End:
        return self._end(text, "output")

    def destination_end(self, text: str) -> End:
        return self._end(text, "input")

    def _end(self, text: str, side: Literal["input", "output"]) -> End:
        if not isinstance(text, str):
            raise WrongTypeError(
                f"an end of a connection must be 'layer' or 'layer/port', got {quoted(text)}"
            )
        name, slash, port = text.partition("/")
        layer = self.layers.get(name)
        if layer is None:
            raise UnknownLayerError(f"no layer is called {quoted(name)}{did_you_mean(name, self.layers)}")
        ports = layer.input_names if side == "input" else layer.output_names
        if not ports:
            raise UnknownPortError(f"layer {quoted(name)} ({layer.type}) has no {side}s to connect")
        if not slash and len(ports) > 1:
            ways = " or ".join(unquoted(f"{name}/{p}") for p in ports[:4]) + " or another" * (len(ports) > 4)
            raise UnknownPortError(f"layer {quoted(name)} has several {side}s, say which: {ways}")
        if slash and port not in (layer.input_positions if side == "input" else ports):
            raise UnknownPortError(
                f"layer {quoted(name)} has no {side} {quoted(port)}{did_you_mean(port, ports)}"
            )
        return End(name, port or ports[0])

    # -- steps ---------------------------------------------------------------------------------

    def append(self, layers: Sequence[Layer], *, in_series: bool = True) -> None:
        """Add layers at the end, in series or unconnected."""
        named = name_layers(layers, self.layers)
        self.layers.update((layer.name, layer) for layer in named)
        if in_series:
            self._join_in_series(named)

    def _join_in_series(self, layers: Sequence[Layer]) -> None:
        rows = []
        for before, after in pairwise(layers):
            if not before.output_names or not after.input_names:
                layer, side = (before, "outputs") if not before.output_names else (after, "inputs")
                raise UnknownPortError(
                    f"{quoted(before.name)} and {quoted(after.name)} cannot be connected in series: "
                    f"{quoted(layer.name)} ({layer.type}) has no {side}"
                )
            rows.append((End(before.name, before.output_names[0]), End(after.name, after.input_names[0])))
        self._link(rows)

    def _link(self, rows: Iterable[tuple[End, End]]) -> None:
        """Connect outputs to inputs that are free. Linear, where single steps copy the tables they extend."""
        incoming: dict[str, dict[str, End]] = {}
        outgoing: dict[str, list[tuple[str, End]]] = {}
        for source, destination in rows:
            if destination.layer not in incoming:
                incoming[destination.layer] = {**self.incoming.get(destination.layer, {})}
            fed = incoming[destination.layer]
            _expect_free(fed.get(destination.port), destination)
            fed[destination.port] = source
            outgoing.setdefault(source.layer, []).append((source.port, destination))
        self.incoming.update(incoming)
        for name, fan_out in outgoing.items():
            self.outgoing[name] = (*self.outgoing.get(name, ()), *fan_out)

    def connect_all(self, rows: Iterable[tuple[str, str]]) -> None:
        """Connect a graph that has no connections yet."""
        self._link((self.source_end(source), self.destination_end(end)) for source, end in rows)
        self._expect_no_cycle()

    def _expect_no_cycle(self) -> None:
        placed = set(self.order())
        waiting = [name for name in self.layers if name not in placed]
        if waiting:
            raise CycleError(f"the connections close a cycle, in or before {listed(waiting, most=6)}")

    def order(self) -> list[str]:
        """The layers in the analyzer's order; those in or behind a cycle are not in it."""
        names = list(self.layers)
        position = {name: index for index, name in enumerate(names)}
        waiting = {name: len(self.incoming.get(name, ())) for name in names}
        ready = [index for index, name in enumerate(names) if not waiting[name]]
        order = []
        while ready:
            name = names[heapq.heappop(ready)]
            order.append(name)
            for _, destination in self.outgoing.get(name, ()):
                waiting[destination.layer] -= 1
                if not waiting[destination.layer]:
                    heapq.heappush(ready, position[destination.layer])
        return order

    def connect(self, source: End, destination: End) -> None:
        _expect_free(self.incoming.get(destination.layer, {}).get(destination.port), destination)
        path = self._path(destination.layer, source.layer)
        if path:
            raise CycleError(
                f"connecting {_text(source)} to {_text(destination)} would close a cycle: "
                f"{' -> '.join(map(unquoted, [*_shortened(path), destination.layer]))}"
            )
        self._link([(source, destination)])

    def _path(self, start: str, goal: str) -> list[str]:
        """A path along the connections, empty where there is none. Linear in the part reached."""
        came_from = {start: ""}
        stack = [start]
        while stack:
            name = stack.pop()
            if name == goal:
                path = [name]
                while came_from[path[-1]]:
                    path.append(came_from[path[-1]])
                return path[::-1]
            for _, end in self.outgoing.get(name, ()):
                if end.layer not in came_from:
                    came_from[end.layer] = name
                    stack.append(end.layer)
        return []

    def disconnect(self, source: End, destination: End) -> None:
        fed = self.incoming.get(destination.layer, {})
        if fed.get(destination.port) != source:
            actual = fed.get(destination.port)
            comes = f"it is fed by {_text(actual)}" if actual else "nothing feeds it"
            raise UnknownConnectionError(f"{_text(source)} is not connected to {_text(destination)}: {comes}")
        name, fan_out = source.layer, self.outgoing[source.layer]
        self._put_incoming(destination.layer, {p: end for p, end in fed.items() if p != destination.port})
        self._put_outgoing(name, [row for row in fan_out if row != (source.port, destination)])

    def remove(self, names: Iterable[str]) -> None:
        """Remove layers with their connections. Linear in these and in the connections of their neighbors."""
        gone = set(names)
        upstream = {end.layer for name in gone for end in self.incoming.get(name, {}).values()}
        downstream = {end.layer for name in gone for _, end in self.outgoing.get(name, ())}
        for name in gone:
            self.incoming.pop(name, None)
            self.outgoing.pop(name, None)
            del self.layers[name]
        for name in upstream - gone:
            self._put_outgoing(name, [row for row in self.outgoing[name] if row[1].layer not in gone])
        for name in downstream - gone:
            fed = self.incoming[name]
            self._put_incoming(name, {port: end for port, end in fed.items() if end.layer not in gone})

    def _put_incoming(self, name: str, fed: Mapping[str, End]) -> None:
        if fed:
            self.incoming[name] = fed
        else:
            self.incoming.pop(name, None)

    def _put_outgoing(self, name: str, fan_out: Sequence[tuple[str, End]]) -> None:
        if fan_out:
            self.outgoing[name] = tuple(fan_out)
        else:
            self.outgoing.pop(name, None)

    def replace(self, name: str, layers: Sequence[Layer], reconnect_by: Literal["name", "order"]) -> None:
        if not layers:
            raise WrongTypeError(f"nothing given to replace {quoted(name)} by; remove_layers removes a layer")
        old = self.layers[name]
        fed, fan_out = self.incoming.get(name, {}), self.outgoing.get(name, ())
        position = list(self.layers).index(name)
        self.remove([name])
        named = name_layers(layers, self.layers)
        first, last = named[0], named[-1]
        rows = list(self.layers.items())
        self.layers = dict([*rows[:position], *((la.name, la) for la in named), *rows[position:]])
        self._join_in_series(named)
        pairs = _counterparts(old, first, "input", reconnect_by, fed)
        self._link((source, End(first.name, pairs[port])) for port, source in fed.items())
        pairs = _counterparts(old, last, "output", reconnect_by, [port for port, _ in fan_out])
        self._link((End(last.name, pairs[port]), destination) for port, destination in fan_out)


def _text(end: End) -> str:
    return quoted("/".join(end))


def _expect_free(taken: End | None, destination: End) -> None:
    if taken is not None:
        raise PortTakenError(
            f"input {_text(destination)} is already fed by {_text(taken)}, and an input takes "
            f"one connection; disconnect_layers({_text(taken)}, {_text(destination)}) first"
        )


def _counterparts(
    old: Layer,
    new: Layer,
    side: Literal["input", "output"],
    by: Literal["name", "order"],
    used: Iterable[str],
) -> dict[str, str]:
    """For each port of ``old`` that is used, the port of ``new`` that takes its place."""
    before = old.input_names if side == "input" else old.output_names
    ports = new.input_names if side == "input" else new.output_names
    found = dict(zip(before, ports, strict=False)) if by == "order" else {port: port for port in ports}
    for port in used:
        if port not in found:
            has = f"its {side}s are {listed(ports, most=6)}" if ports else f"it has no {side}s"
            cure = (
                "reconnect_by='order' matches ports by position"
                if by == "name" and ports
                else "rewire by hand"
            )
            raise UnknownPortError(
                f"the connected {side} {_text(End(old.name, port))} has no counterpart in {quoted(new.name)} "
                f"(matched by {by}): {has}; {cure}"
            )
    return found


def _shortened(path: list[str]) -> list[str]:
    return path if len(path) <= 8 else [*path[:4], "...", *path[-3:]]
