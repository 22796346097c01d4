"""LayerGraph: an immutable graph of named layers, and its edits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal

from layergraph.errors import WrongTypeError
from layergraph.graph.draft import Draft
from layergraph.graph.graph import Graph
from layergraph.layers.layer import Layer
from layergraph.tables import Table
from layergraph.wording import quoted

if TYPE_CHECKING:
    import networkx
    from torch import nn

    from layergraph.network.network import Network


class LayerGraph(Graph):
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

    # -- what comes of it ----------------------------------------------------------------------

    def compile(self) -> Network[LayerGraph]:
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
        """Write the architecture and the attached weights to a safetensors file, which :func:`load` reads.

        A failed write leaves an older file as it was. Equal graphs give equal files, byte for byte. Of a
        :class:`ModuleLayer` the weights are saved, and loading needs the module again. Layers that share a
        module are saved with one set of weights, and share it again after loading.

        Raises:
            ArgumentError: the path has the extension of another format, such as ``.pth`` or ``.mat``, or a
                character that no file name has.
            LayergraphError: a layer has a Python function as initializer and no weights yet.
            OSError: the file cannot be written.

        >>> import tempfile, layergraph
        >>> from layergraph.builders import unet_layers
        >>> lgraph, _ = unet_layers((32, 32, 1), 2, encoder_depth=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     lgraph.save(f"{folder}/unet.safetensors")
        ...     layergraph.load(f"{folder}/unet.safetensors") == lgraph
        True
        """
        from layergraph.graph import file_format

        file_format.write(self, path)


def load(
    path: str | os.PathLike[str],
    *,
    weights: bool = True,
    modules: Mapping[str, nn.Module] | None = None,
) -> LayerGraph:
    """Read a layer graph that :meth:`LayerGraph.save` wrote, weights attached.

    Args:
        path: the file.
        weights: ``False`` reads the architecture alone, and does not import torch.
        modules: a torch module for each :class:`ModuleLayer` in the file, by layer name; of layers that
            share one, for the first.

    Raises:
        FileFormatError: the file is damaged, or not of layergraph; the message says where and why.
        FileNotFoundError: there is no such file.
        PermissionError: it must not be read.
    """
    from layergraph.graph import file_format

    return LayerGraph.from_graph(file_format.read(path, weights=weights, modules=modules))


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
    advice = ""
    if any(cls.__module__.startswith("torch.nn") for cls in type(value).__mro__):
        advice = "; wrap a torch module: ModuleLayer(module, name=...)"
    return f"{type(value).__name__}{advice}"
