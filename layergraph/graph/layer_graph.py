"""LayerGraph: an immutable graph of named layers, and its edits."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from layergraph.errors import ArgumentError, InvalidNetworkError, WrongTypeError, did_you_mean
from layergraph.graph.draft import Draft, Side
from layergraph.graph.given_layers import as_layers
from layergraph.graph.graph import Graph
from layergraph.layers.layer import Layer
from layergraph.layers.older_names import with_newer_names
from layergraph.tables import Table
from layergraph.wording import counted, quoted

if TYPE_CHECKING:
    import networkx

    from layergraph.network.network import Network


class LayerGraph(Graph):
    """A graph of named layers, connected port to port.

    A LayerGraph is a value: every edit returns a new graph and leaves this one as it was, and an
    edit that raises has changed nothing. An edit copies the tables of names (some 5 µs for 100
    layers), never layers or weights; attached weights stay with the layers an edit does not touch.

    Args:
        layers: nothing, one layer, or a sequence of layers (nested sequences are flattened), which is
            connected in series; or a layer graph or a compiled network, whose graph is taken.
        connections: pairs of a source and a destination, as :meth:`connect_layers` takes them. The layers
            have these connections alone, and are not connected in series.

    Raises:
        WrongTypeError: something that is not a layer.
        DuplicateNameError, BadNameError: a name that a layer must not have.
        UnknownLayerError, UnknownPortError, PortTakenError, CycleError: connections that cannot be.

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
    >>> LayerGraph(lgraph.layers, lgraph.connections) == lgraph
    True
    """

    def __init__(
        self,
        layers: Layer | Iterable[Layer | Sequence[Layer]] | Graph | Network[Graph] = (),
        connections: Iterable[tuple[str, str]] | None = None,
    ) -> None:
        # by the method, because the class of networks would import torch
        if isinstance(layers, Graph) or hasattr(layers, "layer_graph"):
            if connections is not None:
                raise WrongTypeError(
                    "LayerGraph: connections must be left out for a graph, which has its own; connect_layers "
                    "adds one"
                )
            self._draft = (layers if isinstance(layers, Graph) else layers.layer_graph())._draft
            return
        draft = Draft()
        draft.append(as_layers(layers), in_series=connections is None)
        if connections is not None:
            draft.connect_all(_pairs(connections))
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
        counts = f"{counted(len(self), 'layer')}, {counted(len(self.connections), 'connection')}"
        # tables escape their cells: a layer name may contain markup
        return f"<div><b>{type(self).__name__}</b>, {counts}</div>\n{self.to_table()._repr_html_()}"

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
        return LayerGraph._from_draft(draft)

    def remove_layers(self, names: str | Iterable[str], *, reconnect: bool = False) -> LayerGraph:
        """A graph without these layers and their connections.

        Args:
            names: one layer name or several.
            reconnect: connect the source of each removed layer to the layers downstream of it. Without it
                they stay unconnected, as in MATLAB.

        Raises:
            UnknownLayerError: a name that no layer has.
            UnknownPortError: ``reconnect`` for a layer with several connected inputs, or whose further
                outputs (``indices``) are connected.

        >>> from layergraph import DropoutLayer, LayerGraph, ReluLayer, SoftmaxLayer
        >>> lgraph = LayerGraph([ReluLayer(), DropoutLayer(), SoftmaxLayer()])
        >>> lgraph.remove_layers("dropout").connections
        ()
        >>> lgraph.remove_layers("dropout", reconnect=True).connections
        (Connection(source='relu', destination='softmax'),)
        """
        draft = self._draft.copy()
        draft.remove(self._names("remove_layers", names), reconnect=reconnect)
        return LayerGraph._from_draft(draft)

    def _names(self, call: str, names: object) -> list[str]:
        """The names of existing layers, each once."""
        if not isinstance(names, Iterable):
            raise WrongTypeError(
                f"{call}: names must be a layer name or a sequence of them, got {quoted(names)}"
            )
        # checked before the edit, so that a message suggests names of the whole graph
        distinct = dict.fromkeys([names] if isinstance(names, str) else names)
        for name in distinct:
            self[name]  # or raise
        return [*distinct]

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
        draft.connect(draft.output(source), draft.input(destination))
        return LayerGraph._from_draft(draft)

    def disconnect_layers(self, source: str, destination: str) -> LayerGraph:
        """A graph without this connection; ends are written as in :meth:`connect_layers`.

        Raises:
            UnknownLayerError, UnknownPortError: an end that does not exist.
            UnknownConnectionError: the two ends are not connected.
        """
        draft = self._draft.copy()
        draft.disconnect(draft.output(source), draft.input(destination))
        return LayerGraph._from_draft(draft)

    def replace_layer(
        self,
        name: str,
        layers: Layer | Iterable[Layer],
        reconnect_by: Literal["name", "order"] = "name",
    ) -> LayerGraph:
        """A graph with ``layers`` in the place of layer ``name``.

        A sequence is connected in series. Its first layer takes over the inputs of the old layer, its last
        layer the outputs. The attached weights of the old layer are dropped, all others stay.

        Args:
            name: the layer to replace.
            layers: one layer or a sequence of layers.
            reconnect_by: match the ports of old and new layers by ``"name"``, or by ``"order"``.

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
            raise WrongTypeError(
                f"replace_layer: reconnect_by must be 'name' or 'order', got {quoted(reconnect_by)}"
            )
        draft = self._draft.copy()
        draft.replace(name, as_layers(layers), reconnect_by)
        return LayerGraph._from_draft(draft)

    def change_layer(self, names: str | Iterable[str], **arguments: object) -> LayerGraph:
        """A graph whose named layers have other arguments; all else stays, attached weights included.

        Weights that do not fit the changed layer are reported when the graph is compiled; ``weights=None``
        drops them.

        Args:
            names: one layer name or several, which all get the arguments.
            **arguments: arguments of the constructor, without ``name``.

        Raises:
            UnknownLayerError: a name that no layer has.
            ArgumentError: an argument that a layer does not have, or a value out of its range.
            UnknownPortError: the changed layer lacks a port that is connected.

        >>> from layergraph import Convolution2dLayer, ImageInputLayer, LayerGraph
        >>> lgraph = LayerGraph([ImageInputLayer((32, 32, 1)), Convolution2dLayer(3, 8, name="conv")])
        >>> lgraph.change_layer("conv", padding="same")["conv"].padding
        'same'
        """
        # the tables are keyed by names, so a new name is another edit
        if "name" in arguments:
            raise ArgumentError("change_layer: name is changed by rename_layer(old, new)")
        draft = self._draft.copy()
        draft.change([_changed(self[name], arguments) for name in self._names("change_layer", names)])
        return LayerGraph._from_draft(draft)

    def rename_layer(self, old: str | Mapping[str, str], new: str | None = None) -> LayerGraph:
        """A graph with another name for a layer, or for many; connections and weights stay.

        Args:
            old: a layer name; or a mapping from old to new names, whose names may be swapped.
            new: the new name, for a single layer.

        Raises:
            UnknownLayerError: an old name that no layer has.
            BadNameError, DuplicateNameError: a new name that the layer must not have.

        >>> from layergraph import LayerGraph, ReluLayer, SoftmaxLayer
        >>> [*LayerGraph([ReluLayer(), SoftmaxLayer()]).rename_layer("relu", "relu1")]
        ['relu1', 'softmax']
        """
        # exactly one of the two forms
        if isinstance(old, Mapping) == (new is not None):
            raise WrongTypeError(
                "rename_layer takes two names, or one mapping from old to new names: "
                "rename_layer('relu', 'relu1') or rename_layer({'relu': 'relu1'})"
            )
        draft = self._draft.copy()
        draft.rename(old if isinstance(old, Mapping) else {old: cast("str", new)})
        return LayerGraph._from_draft(draft)

    def insert_after(self, sources: str | Iterable[str], layers: Layer | Iterable[Layer]) -> LayerGraph:
        """A graph with ``layers`` between an output and all its destinations.

        In the list of layers they follow the source.

        Args:
            sources: ``"layer"``, or ``"layer/port"`` of a layer with several outputs; or several of them,
                each of which gets the same layers (unnamed ones, as names are unique).
            layers: one layer or a sequence, which is connected in series. Each has one input and one output.

        Raises:
            UnknownLayerError, UnknownPortError: an output that does not exist, or a new layer with several
                inputs or outputs.
            DuplicateNameError: a name is taken.
            WrongTypeError: something that is not a layer.

        >>> from layergraph import DropoutLayer, ImageInputLayer, LayerGraph, ReluLayer, SoftmaxLayer
        >>> lgraph = LayerGraph([ImageInputLayer((8, 8, 3)), ReluLayer(), SoftmaxLayer()])
        >>> [*lgraph.insert_after("relu", DropoutLayer(0.2))]
        ['imageinput', 'relu', 'dropout', 'softmax']
        """
        return self._insert(sources, layers, "output")

    def insert_before(self, destinations: str | Iterable[str], layers: Layer | Iterable[Layer]) -> LayerGraph:
        """A graph with ``layers`` between an input and its source; see :meth:`insert_after`.

        Args:
            destinations: ``"layer"``, or ``"layer/port"`` of a layer with several inputs; or several of them.
            layers: one layer or a sequence, which is connected in series. Each has one input and one output.

        >>> from layergraph import DropoutLayer, ImageInputLayer, LayerGraph, ReluLayer, SoftmaxLayer
        >>> lgraph = LayerGraph([ImageInputLayer((8, 8, 3)), ReluLayer(), SoftmaxLayer()])
        >>> [*lgraph.insert_before("softmax", DropoutLayer(0.2))]
        ['imageinput', 'relu', 'dropout', 'softmax']
        """
        return self._insert(destinations, layers, "input")

    def _insert(self, texts: object, layers: object, side: Side) -> LayerGraph:
        draft = self._draft.copy()
        # text is iterable too, and "relu" is not four ends
        several = isinstance(texts, Iterable) and not isinstance(texts, str)
        end = draft.output if side == "output" else draft.input
        ends = [end(text) for text in (cast("Iterable[str]", texts) if several else [cast("str", texts)])]
        # an end that is named twice gets the layers once
        draft.insert([*dict.fromkeys(ends)], as_layers(layers), side)
        return LayerGraph._from_draft(draft)

    # -- sizes, networks and files ---------------------------------------------------------------

    def output_sizes(self) -> dict[str, tuple[int, ...]]:
        """The size of each output of the network, (height, width, channels), by layer name.

        The outputs are the output layers or, without any, the layers whose first output has no connection.

        Raises:
            InvalidNetworkError: the graph cannot run; ``issues`` holds every error.

        >>> from layergraph.builders import segnet_layers
        >>> segnet_layers((360, 480, 3), 11, 4).output_sizes()
        {'pixelLabels': (360, 480, 11)}
        """
        # here and below, imports in methods: a graph alone needs neither sizes nor torch
        from layergraph.graph.size_inference import infer_sizes, network_outputs

        inferred = infer_sizes(self, "network")
        if inferred.errors:
            raise InvalidNetworkError(inferred.errors, "the sizes of the outputs are unknown")
        sizes = {name: inferred.outputs[name][0] for name in network_outputs(self)}
        return {name: (*size.spatial, size.channels) for name, size in sizes.items() if size is not None}

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
        :class:`ModuleLayer` the weights are saved, and loading needs the module again; of a layer of a class
        of your own the name of the class, the arguments and the weights. Layers that share a module are
        saved with one set of weights, and share it again after loading.

        Raises:
            ArgumentError: the path has the extension of another format, such as ``.pth`` or ``.mat``, or a
                character that no file name has.
            LayergraphError: a layer has a Python function as initializer and no weights yet.
            OSError: the file cannot be written.

        >>> import tempfile, layergraph
        >>> from layergraph.builders import unet_layers
        >>> lgraph = unet_layers((32, 32, 1), 2, encoder_depth=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     lgraph.save(f"{folder}/unet.safetensors")
        ...     layergraph.load(f"{folder}/unet.safetensors") == lgraph
        True
        """
        from layergraph.graph import file_format

        file_format.write(self, path)

    def to_python(self) -> str:
        """The Python code that rebuilds this graph: its layers and connections.

        Arguments with default values are left out. Names appear as literals alone, so that a name from a file
        never becomes code. Weights are not part of it. What code cannot hold is taken from a dictionary
        ``modules``, as :func:`load` takes it: the torch module of a :class:`ModuleLayer`, the function of a
        :class:`LossLayer`, and layers of classes of your own.

        Raises:
            LayergraphError: a layer has a Python function as initializer.

        >>> from layergraph import ImageInputLayer, LayerGraph, ReluLayer
        >>> lgraph = LayerGraph([ImageInputLayer((32, 32, 1)), ReluLayer(name="it's")])
        >>> print(lgraph.to_python(), end="")
        # Weights are not part of this code: lgraph.save(path) writes them, and load(path) reads them.
        from layergraph import ImageInputLayer, LayerGraph, ReluLayer
        <BLANKLINE>
        layers = [
            ImageInputLayer((32, 32, 1), name='imageinput'),
            ReluLayer(name="it's"),
        ]
        lgraph = LayerGraph(layers)
        """
        from layergraph.graph.python_code import python_code

        return python_code(self)


def load(
    path: str | os.PathLike[str],
    *,
    weights: bool = True,
    modules: Mapping[str, Any] | None = None,
) -> LayerGraph:
    """Read a layer graph that :meth:`LayerGraph.save` wrote, weights attached.

    Args:
        path: the file.
        weights: ``False`` reads the architecture alone, and does not import torch.
        modules: what the file does not hold, by layer name: the torch module of each :class:`ModuleLayer`
            (of layers that share one, for the first), the function of each :class:`LossLayer`, and each
            layer of a class of your own, with the arguments that the file names.

    Raises:
        FileFormatError: the file is damaged, or not of layergraph, or needs ``modules``; the message says
            where and why.
        FileNotFoundError: there is no such file.
        PermissionError: it must not be read.
    """
    from layergraph.graph import file_format

    return LayerGraph(file_format.read(path, weights=weights, modules=modules))


def _pairs(connections: object) -> list[tuple[str, str]]:
    pairs: list[Any] = list(connections) if isinstance(connections, Iterable) else [connections]
    for pair in pairs:
        if isinstance(pair, str) or not (isinstance(pair, Sequence) and len(pair) == 2):
            raise WrongTypeError(
                "LayerGraph: connections must be pairs of a source and a destination, such as "
                f"('relu', 'add/in2'), got {quoted(pair)}"
            )
    return [(source, destination) for source, destination in pairs]


def _changed(layer: Layer, arguments: Mapping[str, Any]) -> Layer:
    # dataclasses.replace would raise Python's TypeError, which suggests no name
    known = [field.name for field in fields(layer) if field.init and field.name != "name"]
    arguments = with_newer_names("change_layer", dict(arguments), layer.older_names)
    for argument in arguments:
        if argument not in known:
            raise ArgumentError(
                f"change_layer: {quoted(layer.name)} ({type(layer).__name__}) has no argument "
                f"{quoted(argument)}{did_you_mean(argument, known)}"
            )
    return replace(layer, **arguments)
