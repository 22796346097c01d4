"""Graph: named layers, connected port to port, and the questions that can be asked of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple, Self

from layergraph.errors import UnknownLayerError, WrongTypeError, did_you_mean
from layergraph.graph.draft import Draft, End
from layergraph.layers.layer import Layer
from layergraph.values import Value
from layergraph.weights import Weights
from layergraph.wording import quoted


class Connection(NamedTuple):
    """A connection as it is written: ``"maxpool/indices"``, or ``"relu"`` where one port is all."""

    source: str
    destination: str


class Graph(Value):
    """Named layers and their connections, for the code that reads a graph and does not edit it.

    Size inference, the plan of a network and the file format work on this class;
    :class:`layergraph.LayerGraph` adds the edits and what users do with a graph.
    """

    _draft: Draft

    @classmethod
    def _from_draft(cls, draft: Draft) -> Self:
        """The graph of these tables, which nobody changes afterwards."""
        graph = cls.__new__(cls)
        graph._draft = draft
        return graph

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
                # a dictionary of positions: index() over the inputs of a wide layer would be quadratic
                at = layer.input_positions[destination.port] if len(inputs) > 1 else 0
                key = (position[source], position[destination.layer], at)
                connection = Connection(self.output_text(End(source, port)), self.input_text(destination))
                rows.append((key, ports.index(port), connection))
        rows.sort(key=lambda row: (row[0], row[1]))
        return tuple(connection for *_, connection in rows)

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
        """The source of each connected input port of a layer.

        >>> from layergraph import ImageInputLayer, LayerGraph, ReluLayer
        >>> LayerGraph([ImageInputLayer((8, 8, 1), name="data"), ReluLayer(name="relu")]).sources("relu")
        {'in': End(layer='data', port='out')}
        """
        fed = self._draft.incoming.get(name)
        if fed is None:  # no connected input, or no such layer
            self[name]
            return {}
        return dict(fed)

    def destinations(self, name: str) -> tuple[tuple[str, End], ...]:
        """The destinations of a layer: pairs of its output port, and the layer and port it goes to."""
        fan_out = self._draft.outgoing.get(name)
        if fan_out is None:
            self[name]
            return ()
        return fan_out

    def output_text(self, end: End) -> str:
        """An output as edits take it: ``"layer"``, or ``"layer/port"`` if the layer has several outputs."""
        return end.layer if len(self[end.layer].output_names) == 1 else "/".join(end)

    def input_text(self, end: End) -> str:
        """An input as edits take it: ``"layer"``, or ``"layer/port"`` if the layer has several inputs."""
        return end.layer if len(self[end.layer].input_names) == 1 else "/".join(end)

    def upstream(self, names: Iterable[str], *, ignoring: Collection[str] = ()) -> set[str]:
        """These layers and all layers upstream of them.

        Args:
            names: the layers to start from.
            ignoring: input ports, of any layer, whose connections are not followed.

        Raises:
            UnknownLayerError: a name that no layer has.

        >>> from layergraph import ImageInputLayer, LayerGraph, ReluLayer, SoftmaxLayer
        >>> lgraph = LayerGraph([ImageInputLayer((8, 8, 1), name="data"), ReluLayer(), SoftmaxLayer()])
        >>> sorted(lgraph.upstream(["relu"]))
        ['data', 'relu']
        """
        # a search with a stack of its own: recursion ends at a depth of about 1,000 layers
        stack = list(names)
        seen = set(stack)
        while stack:
            for port, end in self.sources(stack.pop()).items():
                if port not in ignoring and end.layer not in seen:
                    seen.add(end.layer)
                    stack.append(end.layer)
        return seen

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
        if not isinstance(other, Graph):
            return NotImplemented
        # connections are sorted, so that the order of connecting does not count
        return self.layers == other.layers and self.connections == other.connections

    def __hash__(self) -> int:
        # without layers: their weights cannot be hashed, and names and connections tell graphs apart
        return hash((tuple(self), self.connections))

    def with_weights(self, weights: Mapping[str, Weights | None]) -> Self:
        """A graph with these weights attached to its layers; ``None`` drops them.

        Args:
            weights: for each layer name its tensors, named as in the layer's torch module (``weight``,
                ``bias``, ``running_mean``, ...). :meth:`LayerGraph.compile` checks their shapes.

        Raises:
            UnknownLayerError: a name that no layer has.
            WrongTypeError: something that is not :class:`Weights`.
        """
        draft = self._draft.copy()
        for name, tensors in weights.items():
            if not (tensors is None or isinstance(tensors, Weights)):
                raise WrongTypeError(
                    f"expected Weights or None for {quoted(name)}, got {type(tensors).__name__}"
                )
            draft.layers[name] = replace(self[name], weights=tensors)
        return self._from_draft(draft)
