"""The tables behind a layer graph, and the steps of an edit on a copy of them.

An edit copies the draft of its graph, changes the copy and wraps it in a new graph, so that a step that
raises changes no graph. The inner tables are never changed in place, so that copies can share them.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
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
from layergraph.graph.naming import name_layers, rename_layers
from layergraph.layers.layer import Layer
from layergraph.wording import listed, quoted, unquoted

Side = Literal["input", "output"]


class End(NamedTuple):
    """One end of a connection: a layer and one of its ports."""

    layer: str
    port: str


class Draft:
    """Layers by name; the source of each input; the destinations of each layer."""

    __slots__ = ("incoming", "layers", "outgoing")

    def __init__(
        self,
        layers: dict[str, Layer] | None = None,
        incoming: dict[str, Mapping[str, End]] | None = None,
        outgoing: dict[str, tuple[tuple[str, End], ...]] | None = None,
    ) -> None:
        # connections are kept at both ends: queries and edits look in both directions
        self.layers, self.incoming, self.outgoing = layers or {}, incoming or {}, outgoing or {}

    def copy(self) -> Draft:
        return Draft(self.layers.copy(), self.incoming.copy(), self.outgoing.copy())

    # -- ends of connections -------------------------------------------------------------------

    def output(self, text: str) -> End:
        """The output that ``"layer"`` or ``"layer/port"`` names."""
        return self._end(text, "output")

    def input(self, text: str) -> End:
        """The input that ``"layer"`` or ``"layer/port"`` names."""
        return self._end(text, "input")

    def _end(self, text: str, side: Side) -> End:
        if not isinstance(text, str):
            raise WrongTypeError(
                f"an end of a connection must be 'layer' or 'layer/port', got {quoted(text)}"
            )
        name, slash, port = text.partition("/")
        layer = self.layers.get(name)
        if layer is None:
            raise UnknownLayerError(f"no layer is called {quoted(name)}{did_you_mean(name, self.layers)}")
        ports = _ports(layer, side)
        if not ports:
            raise UnknownPortError(f"layer {quoted(name)} ({layer.type}) has no {side}s to connect")
        if not slash and len(ports) > 1:
            choices = " or ".join(unquoted(f"{name}/{p}") for p in ports[:4])
            more = " or another" * (len(ports) > 4)
            raise UnknownPortError(f"layer {quoted(name)} has several {side}s; name one: {choices}{more}")
        # a layer may have thousands of inputs, so these are looked up
        if slash and port not in (layer.input_positions if side == "input" else ports):
            raise UnknownPortError(
                f"layer {quoted(name)} has no {side} {quoted(port)}{did_you_mean(port, ports)}"
            )
        return End(name, port or ports[0])

    # -- order ---------------------------------------------------------------------------------

    def order(self) -> list[str]:
        """The layers in the analyzer's order, without those in a cycle or downstream of one."""
        # Kahn's algorithm with a heap of positions instead of a queue: among the layers that are ready,
        # the one added first is next, which makes the order stable and equal to MATLAB's
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

    def _path(self, start: str, goal: str) -> list[str]:
        """A path along the connections, empty if there is none. Linear in the part reached."""
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

    # -- steps ---------------------------------------------------------------------------------

    def append(self, layers: Sequence[Layer], *, in_series: bool = True) -> None:
        """Add layers at the end, in series or unconnected."""
        named = name_layers(layers, self.layers)
        self.layers.update((layer.name, layer) for layer in named)
        if in_series:
            self._link(series(named))

    def connect_all(self, connections: Iterable[tuple[str, str]]) -> None:
        """Connect a graph that has no connections yet."""
        self._link((self.output(source), self.input(destination)) for source, destination in connections)
        # one pass at the end: a search per connection would be quadratic
        placed = set(self.order())
        waiting = [name for name in self.layers if name not in placed]
        if waiting:
            raise CycleError(f"the connections close a cycle, in or before {listed(waiting, most=6)}")

    def connect(self, source: End, destination: End) -> None:
        _expect_free(self.incoming.get(destination.layer, {}).get(destination.port), destination)
        # only a path back from the destination can close a cycle, and it is what the message shows
        path = self._path(destination.layer, source.layer)
        if path:
            shown = path if len(path) <= 8 else [*path[:4], "...", *path[-3:]]
            raise CycleError(
                f"connecting {_text(source)} to {_text(destination)} would close a cycle: "
                f"{' -> '.join(map(unquoted, [*shown, destination.layer]))}"
            )
        self._link([(source, destination)])

    def disconnect(self, source: End, destination: End) -> None:
        actual = self.incoming.get(destination.layer, {}).get(destination.port)
        # the message names the actual source, which the user mistook for another
        if actual != source:
            state = f"it is connected to {_text(actual)}" if actual else "it has no connection"
            raise UnknownConnectionError(
                f"{_text(source)} is not connected to input {_text(destination)}: {state}"
            )
        self._unlink([destination])

    def remove(self, names: Iterable[str], *, reconnect: bool = False) -> None:
        """Remove layers with their connections; ``reconnect`` joins the neighbors that remain.

        Linear in the layers removed and in the connections of their neighbors.
        """
        gone = set(names)
        # before anything is removed, while the chains of layers to remove can still be followed
        joints = self._joints(gone) if reconnect else []
        upstream = {end.layer for name in gone for end in self.incoming.get(name, {}).values()}
        downstream = {end.layer for name in gone for _, end in self.outgoing.get(name, ())}
        for name in gone:
            self.incoming.pop(name, None)
            self.outgoing.pop(name, None)
            del self.layers[name]
        for name in upstream - gone:
            self._put_outgoing(name, [row for row in self.outgoing[name] if row[1].layer not in gone])
        for name in downstream - gone:
            inputs = self.incoming[name]
            self._put_incoming(name, {port: end for port, end in inputs.items() if end.layer not in gone})
        self._link(joints)

    def _joints(self, gone: set[str]) -> list[tuple[End, End]]:
        """The connections that lead past the layers to remove."""
        sources: dict[str, End | None] = {}  # the source of each layer to remove, past all of them
        joints = []
        # in order, so that a layer downstream of another removed layer finds its source resolved
        for name in (name for name in self.order() if name in gone):
            inputs = [*self.incoming.get(name, {}).values()]
            if len(inputs) > 1 and self.outgoing.get(name):
                raise UnknownPortError(
                    f"remove_layers: reconnect=True needs one connected input, but {quoted(name)} has "
                    f"{len(inputs)}, from {listed([end.layer for end in inputs])}; disconnect the others"
                )
            source = inputs[0] if len(inputs) == 1 else None
            if source and source.layer in gone:
                self._expect_first_output(source)
                source = sources[source.layer]
            sources[name] = source
            for port, destination in self.outgoing.get(name, ()):
                if source and destination.layer not in gone:
                    self._expect_first_output(End(name, port))
                    joints.append((source, destination))
        return joints

    def _expect_first_output(self, end: End) -> None:
        if end.port != self.layers[end.layer].output_names[0]:
            raise UnknownPortError(
                f"remove_layers: reconnect=True joins the first output of a layer, but {_text(end)} is "
                "connected too; disconnect it first"
            )

    def replace(self, name: str, layers: Sequence[Layer], reconnect_by: Literal["name", "order"]) -> None:
        if not layers:
            raise WrongTypeError(
                f"replace_layer: layers must be one layer or more, got none for {quoted(name)}; "
                "remove_layers removes a layer"
            )
        old = self.layers[name]
        inputs, outputs = self.incoming.get(name, {}), self.outgoing.get(name, ())
        position = list(self.layers).index(name)
        # removed first, so that a new layer may have the old name
        self.remove([name])
        named = name_layers(layers, self.layers)
        first, last = named[0], named[-1]
        rows = list(self.layers.items())
        self.layers = dict([*rows[:position], *((la.name, la) for la in named), *rows[position:]])
        self._link(series(named))
        ports = _counterparts(old, first, "input", reconnect_by, inputs)
        self._link((source, End(first.name, ports[port])) for port, source in inputs.items())
        ports = _counterparts(old, last, "output", reconnect_by, [port for port, _ in outputs])
        self._link((End(last.name, ports[port]), destination) for port, destination in outputs)

    def change(self, layers: Iterable[Layer]) -> None:
        """Put layers in the place of those with the same names; connected ports must remain."""
        for layer in layers:
            old = self.layers[layer.name]
            _counterparts(old, layer, "input", "name", self.incoming.get(layer.name, ()))
            _counterparts(old, layer, "output", "name", [p for p, _ in self.outgoing.get(layer.name, ())])
            self.layers[layer.name] = layer

    def rename(self, names: Mapping[str, str]) -> None:
        """Rename layers. Linear in the size of the graph."""
        layers = rename_layers(self.layers, names)

        def renamed(end: End) -> End:
            return End(names.get(end.layer, end.layer), end.port)

        self.incoming = {
            layers[name].name: {port: renamed(end) for port, end in inputs.items()}
            for name, inputs in self.incoming.items()
        }
        self.outgoing = {
            layers[name].name: tuple((port, renamed(end)) for port, end in outputs)
            for name, outputs in self.outgoing.items()
        }
        self.layers = {layer.name: layer for layer in layers.values()}

    def insert(self, ends: Sequence[End], layers: Sequence[Layer], side: Side) -> None:
        """Put the same layers, in series, after outputs or before inputs. Linear in the size of the graph."""
        if not layers or not ends:
            return
        named = name_layers([*layers] * len(ends), self.layers)
        chains = [named[start : start + len(layers)] for start in range(0, len(named), len(layers))]
        _expect_one_port(chains[0])  # the others are copies
        neighbors: dict[str, list[Layer]] = defaultdict(list)
        rows: list[tuple[End, End]] = []
        moved: list[tuple[End, End]] = []  # existing inputs with the new sources
        for end, chain in zip(ends, chains, strict=True):
            neighbors[end.layer] += chain
            entry = End(chain[0].name, chain[0].input_names[0])
            exit_ = End(chain[-1].name, chain[-1].output_names[0])
            rows += series(chain)
            if side == "output":
                rows.append((end, entry))
                moved += [(exit_, to) for port, to in self.outgoing.get(end.layer, ()) if port == end.port]
            else:
                source = self.incoming.get(end.layer, {}).get(end.port)
                rows += [(source, entry)] if source else []
                moved.append((exit_, end))
        order: list[Layer] = []
        for name, layer in self.layers.items():
            new = neighbors.get(name, [])
            order += [layer, *new] if side == "output" else [*new, layer]
        self.layers = {layer.name: layer for layer in order}
        # after all chains are known: an output and an input of one layer may both get a chain
        self._unlink([destination for _, destination in moved])
        self._link([*rows, *moved])

    # -- connections, grouped by layer so that many cost as much as their number ------------------

    def _link(self, rows: Iterable[tuple[End, End]]) -> None:
        """Connect outputs to inputs that are free."""
        incoming: dict[str, dict[str, End]] = {}
        outgoing: dict[str, list[tuple[str, End]]] = {}
        for source, destination in rows:
            if destination.layer not in incoming:
                incoming[destination.layer] = {**self.incoming.get(destination.layer, {})}
            inputs = incoming[destination.layer]
            _expect_free(inputs.get(destination.port), destination)
            inputs[destination.port] = source
            outgoing.setdefault(source.layer, []).append((source.port, destination))
        self.incoming.update(incoming)
        for name, outputs in outgoing.items():
            self.outgoing[name] = (*self.outgoing.get(name, ()), *outputs)

    def _unlink(self, destinations: Iterable[End]) -> None:
        """Free inputs, connected or not."""
        ports: dict[str, set[str]] = defaultdict(set)
        freed: dict[str, set[End]] = defaultdict(set)
        for end in destinations:
            source = self.incoming.get(end.layer, {}).get(end.port)
            if source is not None:
                ports[end.layer].add(end.port)
                freed[source.layer].add(end)
        for name, gone in ports.items():
            inputs = self.incoming[name]
            self._put_incoming(name, {port: end for port, end in inputs.items() if port not in gone})
        for name, ends in freed.items():
            self._put_outgoing(name, [row for row in self.outgoing[name] if row[1] not in ends])

    def _put_incoming(self, name: str, inputs: Mapping[str, End]) -> None:
        if inputs:
            self.incoming[name] = inputs
        else:
            self.incoming.pop(name, None)

    def _put_outgoing(self, name: str, outputs: Sequence[tuple[str, End]]) -> None:
        if outputs:
            self.outgoing[name] = tuple(outputs)
        else:
            self.outgoing.pop(name, None)


def series(layers: Sequence[Layer]) -> list[tuple[End, End]]:
    """The connections of layers in series: first output to first input.

    Raises:
        UnknownPortError: a layer without outputs before another, or without inputs after one.
    """
    rows = []
    for first, second in pairwise(layers):
        if not first.output_names or not second.input_names:
            layer, side = (first, "outputs") if not first.output_names else (second, "inputs")
            raise UnknownPortError(
                f"{quoted(first.name)} and {quoted(second.name)} cannot be connected in series: "
                f"{quoted(layer.name)} ({layer.type}) has no {side}"
            )
        rows.append((End(first.name, first.output_names[0]), End(second.name, second.input_names[0])))
    return rows


def _ports(layer: Layer, side: Side) -> tuple[str, ...]:
    return layer.input_names if side == "input" else layer.output_names


def _text(end: End) -> str:
    return quoted("/".join(end))


def _expect_free(taken: End | None, destination: End) -> None:
    if taken is not None:
        raise PortTakenError(
            f"input {_text(destination)} is already connected to {_text(taken)}, and an input takes one "
            f"connection; disconnect_layers({_text(taken)}, {_text(destination)}) first"
        )


def _expect_one_port(layers: Sequence[Layer]) -> None:
    for layer in layers:
        for side in ("input", "output"):
            ports = _ports(layer, side)
            if len(ports) != 1:
                raise UnknownPortError(
                    f"a layer to insert must have one input and one output, but {quoted(layer.name)} "
                    f"({layer.type}) has {len(ports)} {side}s; add it with add_layers and connect it"
                )


def _counterparts(
    old: Layer, new: Layer, side: Side, by: Literal["name", "order"], connected: Iterable[str]
) -> dict[str, str]:
    """For each connected port of ``old`` the port of ``new`` that takes its place."""
    ports = _ports(new, side)
    # by name, a port keeps its name; by order, ports that the new layer lacks stay without a counterpart
    pairs = dict(zip(_ports(old, side) if by == "order" else ports, ports, strict=False))
    for port in connected:
        if port not in pairs:
            has = f"its {side}s are {listed(ports, most=6)}" if ports else f"it has no {side}s"
            by_order = by == "name" and ports
            fix = "reconnect_by='order' matches ports by position" if by_order else "rewire by hand"
            raise UnknownPortError(
                f"the connected {side} {_text(End(old.name, port))} has no counterpart in {quoted(new.name)} "
                f"(matched by {by}): {has}; {fix}"
            )
    return pairs
