"""The analysis of a network: sizes, learnables and faults of every layer, by arithmetic alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, cast, get_args

from layergraph.analyze.printed import Printed
from layergraph.analyze.subject import around_module, is_compiled, is_module, layer_graph_of
from layergraph.analyze.table.grid import Line, plain
from layergraph.errors import ArgumentError
from layergraph.graph import LayerGraph
from layergraph.issues import Issue
from layergraph.layers.layer import Layer, Shape
from layergraph.propagation import Propagation, TargetUsage, propagate
from layergraph.sharing import shared_tensors
from layergraph.sizes import Size
from layergraph.wording import quoted, visible

if TYPE_CHECKING:
    from pandas import DataFrame
    from torch import nn

    from layergraph.analyze.costs.costs import NetworkCosts
    from layergraph.analyze.table.layer_table import LayerTable
    from layergraph.network import Network


class Activation(NamedTuple):
    """What one output port carries; ``size`` is ``None`` where an error before leaves it unknown."""

    port: str
    size: Size | None


@dataclass(frozen=True)
class LayerInfo:
    """One row of the analysis.

    Attributes:
        index: the place in the analyzer's order, from 1.
        name, type, description: as the layer says them.
        activations: port and size of each output; an output layer has one, what the network returns.
        learnables: size of each learnable by name, dimensions in MATLAB's order; ``None`` if unknown.
        states: size of each state by name, the same way.
        assumed: whether the sizes rest on a guess: behind a fault they go on as if it were mended.
    """

    index: int
    name: str
    type: str
    description: str
    activations: tuple[Activation, ...]
    learnables: Mapping[str, Shape] | None
    states: Mapping[str, Shape] | None
    assumed: bool = False

    @property
    def num_learnables(self) -> int | None:
        """How many numbers training learns here; ``None`` if unknown."""
        return None if self.learnables is None else _count(self.learnables)


@dataclass(frozen=True, eq=False, repr=False)
class NetworkAnalysis(Printed):
    """What :func:`analyze_network` found; ``print`` shows it as a table, notebooks show it too.

    Attributes:
        name: the title it was given.
        lgraph: the graph that was analyzed.
        target_usage: ``"train_network"`` or ``"network"``.
        total_learnables: how many numbers training learns; ``None`` where errors leave it unknown.
        known_learnables: how many of them could be counted in spite of errors.
        num_connections: connections of the graph.
        analysis_date: when it was made, in local time.
    """

    name: str
    lgraph: LayerGraph
    target_usage: TargetUsage
    total_learnables: int | None
    known_learnables: int
    num_connections: int
    analysis_date: datetime
    _propagation: Propagation = field(compare=False)
    _learnables: Mapping[str, Mapping[str, Shape] | None]
    _states: Mapping[str, Mapping[str, Shape] | None]

    @cached_property
    def issues(self) -> tuple[Issue, ...]:
        """All that was found: errors, then warnings, then hints, each in the order of the layers."""
        from layergraph.analyze.checks.catalogue import findings
        from layergraph.analyze.checks.subject import Subject

        return findings(Subject(self.lgraph, self._propagation, self.target_usage))

    @cached_property
    def layers(self) -> tuple[LayerInfo, ...]:
        """One row a layer, in the analyzer's order."""
        rows = []
        shared = shared_tensors(self.lgraph)
        for index, name in enumerate(self.lgraph.order, 1):
            layer, description = self.lgraph[name], self.lgraph[name].description
            if name in shared:
                owners = dict.fromkeys(owner.layer for owner in shared[name].values())
                description += f", shares weights with {', '.join(map(quoted, owners))}"
            ports = layer.output_names or ("out",)
            activations = tuple(map(Activation, ports, self._propagation.outputs[name]))
            learnables, states = self._learnables[name], self._states[name]
            rows.append(
                LayerInfo(
                    index,
                    name,
                    layer.type,
                    description,
                    activations,
                    learnables,
                    states,
                    name in self._propagation.guesses,
                )
            )
        return tuple(rows)

    @property
    def num_layers(self) -> int:
        """The number of layers."""
        return len(self.lgraph)

    @property
    def num_errors(self) -> int:
        """How many of the issues are errors."""
        return sum(issue.severity == "error" for issue in self.issues)

    @property
    def num_warnings(self) -> int:
        """How many of the issues are warnings."""
        return sum(issue.severity == "warning" for issue in self.issues)

    @property
    def num_hints(self) -> int:
        """How many of the issues are hints."""
        return sum(issue.severity == "hint" for issue in self.issues)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the input layers."""
        return self.lgraph.input_names

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the output (loss) layers."""
        return self.lgraph.output_names

    def costs(self, batch_size: int = 1, dtype: str = "float32") -> NetworkCosts:
        """What the network costs: multiply-adds, memory, receptive fields; of each layer and in total.

        Computed when first asked for, by arithmetic; kept for the next time.

        Args:
            batch_size: observations in a batch.
            dtype: ``"float32"``, ``"float64"``, ``"float16"`` or ``"bfloat16"``, of weights and activations.

        Raises:
            ArgumentError: another dtype, or no batch size.

        >>> from layergraph.builders import unet_layers
        >>> costs = analyze_network(unet_layers((480, 640, 3), 5, encoder_depth=3)[0]).costs(batch_size=4)
        >>> costs.layers["Encoder-Stage-2-Conv-1"].receptive_field
        (10, 10)
        >>> print(str(costs).splitlines()[0])
        COSTS (batch of 4, float32)
        """
        from layergraph.analyze.costs.costs import network_costs

        key = batch_size, str(dtype)
        if key not in self._costs:
            self._costs[key] = network_costs(self, batch_size, dtype)
        return self._costs[key]

    @cached_property
    def _costs(self) -> dict[tuple[int, str], NetworkCosts]:
        return {}

    # -- to read -------------------------------------------------------------------------------

    def __repr__(self) -> str:
        rows = {
            "name": self.name,
            "total_learnables": self.total_learnables,
            "layers": f"{self.num_layers} layers",
            "issues": f"{len(self.issues)} issues",
            "num_errors": self.num_errors,
            "num_warnings": self.num_warnings,
            "num_hints": self.num_hints,
            "analysis_date": f"{self.analysis_date:%Y-%m-%d %H:%M:%S}",
        }
        lines = [f"{key:>20}: {visible(str(value))}" for key, value in rows.items() if value != ""]
        return "\n".join(["NetworkAnalysis with properties:", "", *lines])

    def _lines(self, width: int | None) -> Iterator[Line]:
        from layergraph.analyze.table.table import lines

        return lines(self, width)

    def _repr_html_(self) -> str:
        from layergraph.analyze.page import fragment

        return fragment(self)

    def to_text(self, width: int | None = None) -> str:
        """The table as plain text, cut with ``…`` to ``width`` columns; by default whole.

        >>> from layergraph import ImageInputLayer, ReluLayer
        >>> analysis = analyze_network([ImageInputLayer((8, 8, 1)), ReluLayer()])
        >>> print(analysis.to_text().splitlines()[0])
        ANALYSIS RESULT
        """
        return plain(self._lines(width))

    # -- to work with --------------------------------------------------------------------------

    def table(
        self,
        columns: str | Sequence[str] = ("index", "name", "type", "activations", "num_learnables"),
        *,
        sort_by: str | Sequence[str] = (),
        names: str | Sequence[str] = (),
        types: str | Sequence[str] = (),
        blocks: str | Sequence[str] = (),
        group: bool = False,
        batch_size: int = 1,
        dtype: str = "float32",
    ) -> LayerTable:
        """The layers in the columns, rows and order asked for, in every format.

        Args:
            columns: of ``"index"``, ``"name"``, ``"type"``, ``"description"``, ``"block"``,
                ``"activations"``, ``"size"``, ``"learnables"``, ``"num_learnables"``, ``"states"``,
                ``"num_states"``, ``"multiply_adds"``, ``"activation_bytes_inference"``,
                ``"activation_bytes_training"``, ``"receptive_field"``, ``"receptive_stride"``,
                ``"inputs"``, ``"outputs"``, ``"issues"``; or ``"all"``.
            sort_by: columns to sort by, also such as are not shown; with ``-`` before it, the largest
                comes first. What is unknown comes last.
            names: patterns of layer names, such as ``"res3a*"``; layers that fit one stay.
            types: patterns of layer types, in upper or lower case, such as ``"*convolution"``.
            blocks: patterns of the names of blocks (the column ``"block"``).
            group: one row a block, such as ``res3a*``: sums of what can be summed, the output of its last
                layer. Layers that ``names`` or ``types`` leave out do not count.
            batch_size, dtype: what multiply-adds and bytes are for, as in :meth:`costs`.

        Raises:
            ArgumentError: an unknown column; a name, type or block without ``*`` that no layer has.

        >>> from layergraph.builders import segnet_layers
        >>> analysis = analyze_network(segnet_layers((32, 32, 1), 2, 1))
        >>> print(analysis.table(("name", "type", "num_learnables"), group=True))
        Name        Type         Learnables
        ──────────  ───────────  ──────────
        inputImage  Image Input           0
        encoder1*   7 layers         37,824
        decoder1*   7 layers         38,214
        softmax*    2 layers              0
        ──────────  ───────────  ──────────
        Total       17 layers        76,038
        """
        from layergraph.analyze.table.columns import Facts
        from layergraph.analyze.table.selection import layer_table

        facts = Facts(self, batch_size, dtype)
        return layer_table(
            facts, columns, sort_by=sort_by, names=names, types=types, blocks=blocks, group=group
        )

    def to_records(self) -> list[dict[str, Any]]:
        """The layers as dictionaries, as under ``"layers"`` in :meth:`to_json`."""
        from layergraph.analyze.table.records import records

        return records(self)

    def to_json(self, indent: int | None = None) -> str:
        """Everything as JSON; the keys are stable. Unknown sizes and learnables are ``null``."""
        from layergraph.analyze.table.records import as_json

        return as_json(self, indent)

    def to_csv(self) -> str:
        """The layers as CSV with a header; what a spreadsheet takes for a formula gets ``'`` before it."""
        from layergraph.analyze.table.records import as_csv

        return as_csv(self)

    def to_markdown(self) -> str:
        """The title, the totals, the issues and the table in Markdown."""
        from layergraph.analyze.table.records import as_markdown

        return as_markdown(self)

    def to_latex(self) -> str:
        """The layers, their sizes and learnables as a table for LaTeX (``booktabs``, ``longtable``)."""
        return self.table().to_latex()

    def to_dataframe(self) -> DataFrame:
        """The layers as a pandas data frame, with the columns of :meth:`to_csv`.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        from layergraph.analyze.table.records import LAYER_COLUMNS

        return self.table(LAYER_COLUMNS).to_dataframe()

    def to_html(self) -> str:
        """An interactive page in one file: findings on top, the graph beside the table, both linked.

        It opens from disk, asks no network for anything, and works with 10,000 layers.
        """
        from layergraph.analyze.page import page

        return page(self)


def analyze_network(
    lgraph: LayerGraph | Network | Layer | Iterable[Layer] | nn.Module,
    *,
    target_usage: TargetUsage | None = None,
    name: str = "",
    input_size: Sequence[int] | None = None,
) -> NetworkAnalysis:
    """Sizes, learnables and faults of every layer of a network (MATLAB ``analyzeNetwork``).

    Everything comes from arithmetic: no weight is made, torch is not imported, and a compiled network
    is neither run nor changed. Every fault is reported, not only the first; the checks of style and of the
    likely causes run when ``issues`` are asked for.

    Args:
        lgraph: a layer graph, a compiled network, or a sequence of layers; with ``input_size`` any torch
            module, which is then one layer after an input (see :class:`ModuleLayer`). A module with several
            inputs or outputs comes as a graph: ``ModuleLayer(module, num_inputs=2)``.
        target_usage: ``"train_network"`` (the default) expects an output layer; ``"network"`` (the
            default for a module, and for a compiled network without output layers) does not.
        name: a title for tables and pages.
        input_size: (height, width, channels) of the images that a torch module takes; of volumes
            (height, width, depth, channels).

    Raises:
        WrongTypeError: something else than a network.
        ArgumentError: an unknown ``target_usage``; an ``input_size`` where none is needed.

    Cost: linear in the layers, some 6 µs each.

    >>> from layergraph.builders import unet_layers
    >>> lgraph, _ = unet_layers((480, 640, 3), 5, encoder_depth=3)
    >>> analysis = analyze_network(lgraph)
    >>> analysis.total_learnables, analysis.num_errors
    (7697605, 0)
    >>> print(analysis.layers[22].name, analysis.layers[22].activations[0].size)
    Decoder-Stage-1-UpConv 120(S) × 160(S) × 256(C) × 1(B)
    """
    if input_size is None:
        graph = layer_graph_of(lgraph, "analyze_network")
    elif is_module(lgraph):
        graph = around_module(cast("nn.Module", lgraph), input_size)
        target_usage = target_usage or "network"
    else:
        raise ArgumentError("analyze_network: input_size is for a torch module; a layer graph has its own")
    if target_usage is None:
        target_usage = "network" if is_compiled(lgraph) and not graph.output_names else "train_network"
    if target_usage not in get_args(TargetUsage):
        usages = " or ".join(map(repr, get_args(TargetUsage)))
        raise ArgumentError(f"analyze_network: target_usage is {usages}, got {target_usage!r}")
    propagation = propagate(graph, target_usage)
    shared = shared_tensors(graph)
    learnables: dict[str, Mapping[str, Shape] | None] = {}
    states: dict[str, Mapping[str, Shape] | None] = {}
    for layer in graph.layers:
        cls, inputs = type(layer), known_inputs(graph, layer, propagation)
        for found, method, default in (
            (learnables, cls.learnables, Layer.learnables),
            (states, cls.states, Layer.states),
        ):
            if method is default:  # of this type no layer has any, whatever its size
                found[layer.name] = {}
            else:
                found[layer.name] = None if inputs is None else method(layer, inputs)
    for name, tensors in shared.items():  # counted where they are first
        for found in (learnables, states):
            if sizes := found[name]:
                found[name] = {key: shape for key, shape in sizes.items() if key not in tensors}
    known = sum(map(_count, filter(None, learnables.values())))
    return NetworkAnalysis(
        name=str(name),
        lgraph=graph,
        target_usage=target_usage,
        total_learnables=None if None in learnables.values() else known,
        known_learnables=known,
        num_connections=sum(len(graph.destinations(layer)) for layer in graph),
        analysis_date=datetime.now().astimezone(),
        _propagation=propagation,
        _learnables=learnables,
        _states=states,
    )


def analysis_of(
    subject: Any, caller: str, name: str = "", target_usage: TargetUsage | None = None
) -> NetworkAnalysis:
    """The analysis that is meant, or that of the network that is meant; ``caller`` is for the message.

    Raises:
        WrongTypeError: it is no network; the message says how to get there.
    """
    if isinstance(subject, NetworkAnalysis):
        return subject
    network = subject if is_compiled(subject) else layer_graph_of(subject, caller)
    return analyze_network(network, target_usage=target_usage, name=name)


def known_inputs(lgraph: LayerGraph, layer: Layer, propagation: Propagation) -> list[Size] | None:
    """The sizes of a layer's inputs; ``None`` where they are unknown, guessed, or not what it takes."""
    if propagation.issues:
        name, guesses = layer.name, propagation.guesses
        guessed = guesses and any(source.layer in guesses for source in lgraph.sources(name).values())
        if guessed or name in propagation.faulty or None in propagation.outputs[name]:
            return None
    return [size for size in propagation.inputs[layer.name] if size is not None]


def _count(sizes: Mapping[str, Shape]) -> int:
    return sum(map(prod, sizes.values()))
