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
from layergraph.layers.layer import Layer
from layergraph.naming import name_layers


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
            raise WrongTypeError(f"an end of a connection is 'layer' or 'layer/port', got {text!r}")
        name, slash, port = text.partition("/")
        layer = self.layers.get(name)
        if layer is None:
            raise UnknownLayerError(f"no layer is called {name!r}{did_you_mean(name, self.layers)}")
        ports = layer.input_names if side == "input" else layer.output_names
        if not ports:
            raise UnknownPortError(f"layer {name!r} ({layer.type}) has no {side}s to connect")
        if not slash and len(ports) > 1:
            raise UnknownPortError(
                f"layer {name!r} has several {side}s, say which: {' or '.join(f'{name}/{p}' for p in ports)}"
            )
        if slash and port not in ports:
            raise UnknownPortError(f"layer {name!r} has no {side} {port!r}{did_you_mean(port, ports)}")
        return End(name, port or ports[0])

    # -- steps ---------------------------------------------------------------------------------

    def append(self, layers: Sequence[Layer], *, in_series: bool = True) -> None:
        """Add layers at the end, in series or unconnected."""
        named = name_layers(layers, self.layers)
        self.layers.update((layer.name, layer) for layer in named)
        if in_series:
            self._join_in_series(named)

    def _join_in_series(self, layers: Sequence[Layer]) -> None:
        for before, after in pairwise(layers):
            if not before.output_names or not after.input_names:
                layer, side = (before, "outputs") if not before.output_names else (after, "inputs")
                raise UnknownPortError(
                    f"{before.name!r} and {after.name!r} cannot be connected in series: "
                    f"{layer.name!r} ({layer.type}) has no {side}"
                )
            self._link(End(before.name, before.output_names[0]), End(after.name, after.input_names[0]))

    def _link(self, source: End, destination: End) -> None:
        fed = self.incoming.get(destination.layer, {})
        self.incoming[destination.layer] = {**fed, destination.port: source}
        self.outgoing[source.layer] = (*self.outgoing.get(source.layer, ()), (source.port, destination))

    def connect_all(self, rows: Iterable[tuple[str, str]]) -> None:
        """Connect a graph that has no connections yet; linear, where single steps copy what they extend."""
        incoming: dict[str, dict[str, End]] = {}
        outgoing: dict[str, list[tuple[str, End]]] = {}
        for source_text, destination_text in rows:
            source, destination = self.source_end(source_text), self.destination_end(destination_text)
            fed = incoming.setdefault(destination.layer, {})
            _expect_free(fed.get(destination.port), destination)
            fed[destination.port] = source
            outgoing.setdefault(source.layer, []).append((source.port, destination))
        self.incoming.update(incoming)
        self.outgoing.update((name, tuple(fan_out)) for name, fan_out in outgoing.items())
        self._expect_no_cycle()

    def _expect_no_cycle(self) -> None:
        placed = set(self.order())
        waiting = [name for name in self.layers if name not in placed]
        if waiting:
            shown = ", ".join(map(repr, waiting[:6])) + ", ..." * (len(waiting) > 6)
            raise CycleError(f"the connections close a cycle, in or before {shown}")

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
                f"connecting {'/'.join(source)!r} to {'/'.join(destination)!r} would close a cycle: "
                f"{' -> '.join([*_shortened(path), destination.layer])}"
            )
        self._link(source, destination)

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
            comes = f"it is fed by {'/'.join(actual)!r}" if actual else "nothing feeds it"
            raise UnknownConnectionError(
                f"{'/'.join(source)!r} is not connected to {'/'.join(destination)!r}: {comes}"
            )
        self._unlink(source, destination)

    def _unlink(self, source: End, destination: End) -> None:
        fed = {p: end for p, end in self.incoming[destination.layer].items() if p != destination.port}
        fan_out = tuple(row for row in self.outgoing[source.layer] if row != (source.port, destination))
        self.incoming[destination.layer] = fed
        self.outgoing[source.layer] = fan_out
        if not fed:
            del self.incoming[destination.layer]
        if not fan_out:
            del self.outgoing[source.layer]

    def remove(self, name: str) -> None:
        for port, source in self.incoming.get(name, {}).items():
            self._unlink(source, End(name, port))
        for port, destination in self.outgoing.get(name, ()):
            self._unlink(End(name, port), destination)
        del self.layers[name]

    def replace(self, name: str, layers: Sequence[Layer], reconnect_by: Literal["name", "order"]) -> None:
        if not layers:
            raise WrongTypeError(f"nothing given to replace {name!r} by; remove_layers removes a layer")
        old = self.layers[name]
        fed, fan_out = self.incoming.get(name, {}), self.outgoing.get(name, ())
        position = list(self.layers).index(name)
        self.remove(name)
        named = name_layers(layers, self.layers)
        first, last = named[0], named[-1]
        rows = list(self.layers.items())
        self.layers = dict([*rows[:position], *((la.name, la) for la in named), *rows[position:]])
        self._join_in_series(named)
        for port, source in fed.items():
            new = _counterpart(old, port, first, "input", reconnect_by)
            self._link(source, End(first.name, new))
        for port, destination in fan_out:
            new = _counterpart(old, port, last, "output", reconnect_by)
            self._link(End(last.name, new), destination)


def _expect_free(taken: End | None, destination: End) -> None:
    if taken is not None:
        raise PortTakenError(
            f"input {'/'.join(destination)!r} is already fed by {'/'.join(taken)!r}, and an input takes "
            f"one connection; disconnect_layers({'/'.join(taken)!r}, {'/'.join(destination)!r}) first"
        )


def _counterpart(
    old: Layer, port: str, new: Layer, side: Literal["input", "output"], by: Literal["name", "order"]
) -> str:
    """The port of ``new`` that takes the place of ``port`` of ``old``."""
    ports = new.input_names if side == "input" else new.output_names
    if by == "name" and port in ports:
        return port
    if by == "order":
        index = (old.input_names if side == "input" else old.output_names).index(port)
        if index < len(ports):
            return ports[index]
    has = f"its {side}s are {', '.join(ports)}" if ports else f"it has no {side}s"
    cure = "reconnect_by='order' matches ports by position" if by == "name" and ports else "rewire by hand"
    raise UnknownPortError(
        f"the connected {side} {old.name + '/' + port!r} has no counterpart in {new.name!r} "
        f"(matched by {by}): {has}; {cure}"
    )


def _shortened(path: list[str]) -> list[str]:
    return path if len(path) <= 8 else [*path[:4], "...", *path[-3:]]
