"""LayerGraph: an immutable graph of named layers, and its edits."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

from layergraph.errors import UnknownLayerError, WrongTypeError, did_you_mean
from layergraph.graph.draft import Draft, End
from layergraph.layers.layer import Layer
from layergraph.tables import Table
from layergraph.values import Value
from layergraph.weights import Weights
from layergraph.wording import quoted

if TYPE_CHECKING:
    import networkx

    from layergraph.network.network import Network


class Connection(NamedTuple):
    """A connection as it is written: ``"maxpool/indices"``, or ``"relu"`` where one port is all."""

    source: str
    destination: str


class LayerGraph(Value):
    """A graph of named layers, connected port to port.

    A LayerGraph is a value: every edit returns a new graph and leaves this one as it was, and an
    edit that raises has changed nothing. An edit copies the tables of names (some 5 µs for 100
    layers), never layers or weights; attached weights stay with the layers an edit does not touch.

    Args:
        layers: nothing, one layer, or a sequence of layers, which are connected in series.

    >>> from layergraph import Convolution2dLayer, ImageInputLayer, ReluLayer
    >>> lgraph = LayerGraph([ImageInputLayer((32, 32, 1)), Convolution2dLayer(3, 8), ReluLayer()])
    >>> lgraph
    LayerGraph with properties:
    <BLANKLINE>
             layers: 3 layers
        connections: 2 connections
        input_names: ['imageinput']
       output_names: []
    >>> lgraph.connections[0]
    Connection(source='imageinput', destination='conv')
    """

    def __init__(self, layers: Layer | Iterable[Layer] = ()) -> None:
        draft = Draft({}, {}, {})
        draft.append(as_layers(layers))
        self._draft = draft

    @classmethod
    def from_draft(cls, draft: Draft) -> LayerGraph:
        """The graph of these tables, which nobody changes afterwards."""
        graph = cls.__new__(cls)
        graph._draft = draft
        return graph

    # -- what is in it -------------------------------------------------------------------------

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, in the order in which they were added."""
        return tuple(self._draft.layers.values())

    @cached_property
    def connections(self) -> tuple[Connection, ...]:
        """The connections, by the position of their source, then of their destination."""
        position = {name: index for index, name in enumerate(self._draft.layers)}
        rows = []
        for source, fan_out in self._draft.outgoing.items():
            ports = self[source].output_names
            for port, destination in fan_out:
                layer = self[destination.layer]
                inputs = layer.input_names
                at = layer.input_positions[destination.port] if len(inputs) > 1 else 0
                key = (position[source], position[destination.layer], at)
                rows.append((key, ports.index(port), _written(End(source, port), ports), destination, inputs))
        rows.sort(key=lambda row: (row[0], row[1]))
        return tuple(Connection(source, _written(end, inputs)) for _, _, source, end, inputs in rows)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the input layers."""
        return tuple(name for name, layer in self._draft.layers.items() if layer.is_input)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the output (loss) layers."""
        return tuple(name for name, layer in self._draft.layers.items() if layer.is_output)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The layer names in the analyzer's order, a stable topological one.

        Always next is the layer that was added first among those whose inputs are all placed.
        """
        return tuple(self._draft.order())

    def sources(self, name: str) -> Mapping[str, End]:
        """What feeds a layer: its connected input ports, each with the layer and port it comes from.

        >>> from layergraph import ImageInputLayer, ReluLayer
        >>> LayerGraph([ImageInputLayer((8, 8, 1), name="data"), ReluLayer(name="relu")]).sources("relu")
        {'in': End(layer='data', port='out')}
        """
        fed = self._draft.incoming.get(name)
        if fed is None:
            self[name]  # or raise
            return {}
        return dict(fed)

    def destinations(self, name: str) -> tuple[tuple[str, End], ...]:
        """What a layer feeds: pairs of its output port and the layer and port it goes to."""
        fan_out = self._draft.outgoing.get(name)
        if fan_out is None:
            self[name]  # or raise
            return ()
        return fan_out

    def ancestors(self, names: Iterable[str], *, ignoring: Collection[str] = ()) -> set[str]:
        """These layers and all that feed them, from near and far, but through the input ports ignored.

        Raises:
            UnknownLayerError: a name that no layer has.

        >>> from layergraph import ImageInputLayer, ReluLayer, SoftmaxLayer
        >>> lgraph = LayerGraph([ImageInputLayer((8, 8, 1), name="data"), ReluLayer(), SoftmaxLayer()])
        >>> sorted(lgraph.ancestors(["relu"]))
        ['data', 'relu']
        """
        stack = list(names)
        found = set(stack)
        while stack:
            for port, end in self.sources(stack.pop()).items():
                if port not in ignoring and end.layer not in found:
                    found.add(end.layer)
                    stack.append(end.layer)
        return found

    def __getitem__(self, name: str) -> Layer:
        try:
            return self._draft.layers[name]
        except (KeyError, TypeError):
            raise UnknownLayerError(
                f"no layer is called {quoted(name)}{did_you_mean(str(name), self._draft.layers)}"
            ) from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._draft.layers

    def __iter__(self) -> Iterator[str]:
        """The layer names, in the order in which they were added."""
        return iter(self._draft.layers)

    def __len__(self) -> int:
        return len(self._draft.layers)

    def __eq__(self, other: object) -> bool:
        """Equal layers (weights included) in the same order, equally connected."""
        if not isinstance(other, LayerGraph):
            return NotImplemented
        return self.layers == other.layers and self.connections == other.connections

    def __hash__(self) -> int:
        return hash((tuple(self), self.connections))

    def __repr__(self) -> str:
        rows = {
            "layers": f"{len(self)} layers",
            "connections": f"{len(self.connections)} connections",
            "input_names": list(self.input_names),
            "output_names": list(self.output_names),
        }
        return "\n".join(["LayerGraph with properties:", "", *(f"{k:>15}: {v}" for k, v in rows.items())])

    def _repr_html_(self) -> str:
        return self.to_table()._repr_html_()

    def to_table(self) -> Table:
        """The layers as a table with the columns ``name``, ``type`` and ``description``."""
        return Table(
            {
                "name": list(self),
                "type": [layer.type for layer in self.layers],
                "description": [layer.description for layer in self.layers],
            }
        )

    def to_networkx(self) -> networkx.MultiDiGraph[str]:
        """The graph for networkx: nodes are names with attribute ``layer``, edges have ``source``
        and ``destination`` ports."""
        import networkx

        graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
        graph.add_nodes_from((name, {"layer": layer}) for name, layer in self._draft.layers.items())
        for name, fan_out in self._draft.outgoing.items():
            for port, end in fan_out:
                graph.add_edge(name, end.layer, source=port, destination=end.port)
        return graph

    # -- edits ---------------------------------------------------------------------------------

    def add_layers(self, layers: Layer | Iterable[Layer]) -> LayerGraph:
        """A graph with these layers at the end; a sequence is connected in series, and to nothing else.

        Unnamed layers get MATLAB's default names (``conv``, or ``conv_1``, ``conv_2``, ...).

        Raises:
            DuplicateNameError: a name is taken, or occurs twice in ``layers``.
            BadNameError: a name is not text or contains ``/``.
            WrongTypeError: something that is not a layer.

        >>> from layergraph import LayerGraph, ReluLayer, DropoutLayer
        >>> [*LayerGraph().add_layers([ReluLayer(), DropoutLayer(0.2, name="drop")])]
        ['relu', 'drop']
        """
        draft = self._draft.copy()
        draft.append(as_layers(layers))
        return LayerGraph.from_draft(draft)

    def remove_layers(self, names: str | Iterable[str]) -> LayerGraph:
        """A graph without these layers and the connections that touch them; neighbours are not joined.

        Raises:
            UnknownLayerError: a name that no layer has.

        >>> from layergraph import LayerGraph, ReluLayer, DropoutLayer
        >>> [*LayerGraph([ReluLayer(), DropoutLayer()]).remove_layers("relu")]
        ['dropout']
        """
        draft = self._draft.copy()
        if not isinstance(names, Iterable):
            raise WrongTypeError(f"expected a layer name or a sequence of them, got {described(names)}")
        gone = dict.fromkeys([names] if isinstance(names, str) else names)
        for name in gone:
            self[name]  # or raise
        draft.remove(gone)
        return LayerGraph.from_draft(draft)

    def connect_layers(self, source: str, destination: str) -> LayerGraph:
        """A graph with one more connection, from ``"layer"`` or ``"layer/port"`` to the same.

        The port may be left out where the layer has one on that side.

        Raises:
            UnknownLayerError, UnknownPortError: an end that does not exist, or a port not named
                where there are several.
            PortTakenError: the destination is fed already.
            CycleError: the connection would lead back to its source.

        >>> from layergraph import AdditionLayer, LayerGraph, ReluLayer
        >>> lgraph = LayerGraph([ReluLayer(), AdditionLayer(2, name="add")])
        >>> lgraph.connect_layers("relu", "add/in2").connections[1]
        Connection(source='relu', destination='add/in2')
        """
        draft = self._draft.copy()
        draft.connect(draft.source_end(source), draft.destination_end(destination))
        return LayerGraph.from_draft(draft)

    def disconnect_layers(self, source: str, destination: str) -> LayerGraph:
        """A graph without this connection; ends are written as in :meth:`connect_layers`.

        Raises:
            UnknownLayerError, UnknownPortError: an end that does not exist.
            UnknownConnectionError: the two ends are not connected.
        """
        draft = self._draft.copy()
        draft.disconnect(draft.source_end(source), draft.destination_end(destination))
        return LayerGraph.from_draft(draft)

    def replace_layer(
        self,
        name: str,
        layers: Layer | Iterable[Layer],
        reconnect_by: Literal["name", "order"] = "name",
    ) -> LayerGraph:
        """A graph with ``layers`` in the place of layer ``name``.

        A sequence is connected in series. What fed the old layer feeds the first new one, what the
        old one fed is fed by the last: ports are matched by ``"name"``, or by ``"order"`` (first to
        first, and so on). The weights of the replaced layer go, all others stay.

        Raises:
            UnknownLayerError: no layer has that name.
            DuplicateNameError: a new name is taken by another layer.
            UnknownPortError: a connected port has no counterpart in the new layers.

        >>> from layergraph import ClippedReluLayer, LayerGraph, ReluLayer, SoftmaxLayer
        >>> lgraph = LayerGraph([ReluLayer(), SoftmaxLayer()])
        >>> lgraph.replace_layer("relu", ClippedReluLayer(6, name="relu6")).connections
        (Connection(source='relu6', destination='softmax'),)
        """
        self[name]
        if reconnect_by not in ("name", "order"):
            raise WrongTypeError(f"reconnect_by is 'name' or 'order', got {quoted(reconnect_by)}")
        draft = self._draft.copy()
        draft.replace(name, as_layers(layers), reconnect_by)
        return LayerGraph.from_draft(draft)

    def with_weights(self, weights: Mapping[str, Weights | None]) -> LayerGraph:
        """A graph whose named layers carry these weights (``None`` takes them off).

        The keys of ``weights`` are layer names; the tensors of each layer are named as in its torch
        module (``weight``, ``bias``, ``running_mean``, ...). Shapes are checked when compiling.

        Raises:
            UnknownLayerError: a name that no layer has.
            WrongTypeError: something that is not :class:`Weights`.
        """
        draft = self._draft.copy()
        for name, tensors in weights.items():
            if not (tensors is None or isinstance(tensors, Weights)):
                raise WrongTypeError(f"expected Weights or None for {quoted(name)}, got {described(tensors)}")
            draft.layers[name] = replace(self[name], weights=tensors)
        return LayerGraph.from_draft(draft)

    # -- what comes of it ----------------------------------------------------------------------

    def compile(self) -> Network:
        """The graph as a ``torch.nn.Module``; weights that are attached are used, others initialized.

        If weights are attached to every layer that learns (a loaded or trained graph), the network comes in
        evaluation mode, and else in training mode; ``net.train()`` and ``net.eval()`` change it. Its dtype
        is that of the attached weights, float32 without any.

        Random initial weights come from torch's global generator: ``torch.manual_seed`` before.

        Raises:
            InvalidNetworkError: the graph cannot run; ``issues`` holds every error found.

        >>> import torch
        >>> from layergraph import Convolution2dLayer, ImageInputLayer, LayerGraph
        >>> net = LayerGraph([ImageInputLayer((32, 32, 3)), Convolution2dLayer(3, 8)]).compile()
        >>> net(torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 8, 30, 30])
        """
        from layergraph.network.compilation import compile_graph

        return compile_graph(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write architecture and attached weights to one safetensors file; see :func:`layergraph.load`."""
        from layergraph.graph.file_format import save

        save(self, path)


def as_layers(layers: object) -> list[Layer]:
    """One layer or an iterable of layers, as a list."""
    if isinstance(layers, Layer):
        return [layers]
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        raise WrongTypeError(f"expected a layer or a sequence of layers, got {described(layers)}")
    found = list(layers)
    for index, layer in enumerate(found):
        if not isinstance(layer, Layer):
            raise WrongTypeError(f"element {index} of the layers is not a layer, got {described(layer)}")
    return found


def described(value: object) -> str:
    """What something is that should have been a layer, and how to make one of it."""
    if isinstance(value, type) and issubclass(value, Layer):
        return f"the class {value.__name__}; call it: {value.__name__}(...)"
    hint = ""
    if any(cls.__module__.startswith("torch.nn") for cls in type(value).__mro__):
        hint = "; wrap a torch module: ModuleLayer(module, name=...)"
    return f"{type(value).__name__}{hint}"


def _written(end: End, ports: tuple[str, ...]) -> str:
    return end.layer if len(ports) == 1 else f"{end.layer}/{end.port}"
