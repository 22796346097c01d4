"""Analyze a network: sizes, learnables and issues of every layer, by arithmetic alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast, get_args

from layergraph.analyze.network_argument import graph_of_module, is_compiled, is_torch_module, layer_graph_of
from layergraph.analyze.printed_result import PrintedResult
from layergraph.analyze.result import AnalysisResult
from layergraph.analyze.sized_network import size_network
from layergraph.analyze.table.text_columns import Line, plain_text
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import TargetUsage
from layergraph.layers.layer import Layer
from layergraph.wording import quoted, visible

if TYPE_CHECKING:
    from pandas import DataFrame
    from torch import nn

    from layergraph.analyze.table.layer_table import LayerTable
    from layergraph.network.network import Network


class NetworkAnalysis(AnalysisResult, PrintedResult):
    """The result of :func:`analyze_network`; ``print`` and notebooks show it as a table.

    Attributes:
        layers: one :class:`LayerInfo` per layer, in the analyzer's order.
        issues: the errors, warnings and notes.
        total_learnables: the number of learnable parameters; ``None`` where errors leave it unknown.
        lgraph: the graph that was analyzed.
        name, target_usage, analysis_date: the title, the usage, and the time of the analysis.
    """

    def __repr__(self) -> str:
        rows = {
            "name": self.name,
            "total_learnables": self.total_learnables,
            "layers": f"{self.num_layers} layers",
            "issues": f"{len(self.issues)} issues",
            "num_errors": self.num_errors,
            "num_warnings": self.num_warnings,
            "num_notes": self.num_notes,
            "analysis_date": f"{self.analysis_date:%Y-%m-%d %H:%M:%S}",
        }
        # like the display of a MATLAB object: names aligned on the right
        lines = [f"{key:>20}: {visible(str(value))}" for key, value in rows.items() if value != ""]
        return "\n".join(["NetworkAnalysis with properties:", "", *lines])

    def _lines(self, width: int | None) -> Iterator[Line]:
        # here and below, each format is imported when it is asked for: a call needs only one
        from layergraph.analyze.table.analysis_table import analysis_lines

        return analysis_lines(self, width)

    def _repr_html_(self) -> str:
        from layergraph.analyze.page import fragment

        return fragment(self)

    # -- formats -------------------------------------------------------------------------------

    def to_text(self, width: int | None = None) -> str:
        """The table as plain text, cut with ``…`` to ``width`` columns if given.

        >>> from layergraph import ImageInputLayer, ReluLayer
        >>> analysis = analyze_network([ImageInputLayer((8, 8, 1)), ReluLayer()])
        >>> print(analysis.to_text().splitlines()[0])
        ANALYSIS RESULT
        """
        return plain_text(self._lines(width))

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
        """Select layers, columns and order, for every format.

        Args:
            columns: any of ``"index"``, ``"name"``, ``"type"``, ``"description"``, ``"block"``,
                ``"activations"``, ``"size"``, ``"learnables"``, ``"num_learnables"``, ``"states"``,
                ``"num_states"``, ``"multiply_adds"``, ``"activation_bytes_inference"``,
                ``"activation_bytes_training"``, ``"receptive_field"``, ``"receptive_stride"``,
                ``"inputs"``, ``"outputs"``, ``"issues"``; or ``"all"``.
            sort_by: columns to sort by, shown or not; with ``-`` in front, the largest value comes first.
                Unknown values come last.
            names: patterns of layer names, such as ``"res3a*"``; keeps the layers that match one.
            types: patterns of layer types, in upper or lower case, such as ``"*convolution"``.
            blocks: patterns of the names of blocks (the column ``"block"``).
            group: one row per block, such as ``res3a*``, with the sums of its layers and the output of the
                last one. Layers that ``names`` or ``types`` leave out do not count.
            batch_size, dtype: the batch for multiply-adds and bytes, as in :meth:`costs`.

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
        from layergraph.analyze.table.columns import TableData
        from layergraph.analyze.table.selection import select_layers

        data = TableData(self, batch_size, dtype)
        return select_layers(
            data, columns, sort_by=sort_by, names=names, types=types, blocks=blocks, group=group
        )

    def to_records(self) -> list[dict[str, Any]]:
        """The layers as dictionaries, as under ``"layers"`` in :meth:`to_json`."""
        from layergraph.analyze.table.records import LAYER_COLUMNS

        # JSON has the shapes of the learnables, from which their number follows
        columns = [name for name in LAYER_COLUMNS if name != "num_learnables"]
        rows = zip(self.table(columns).to_records(), self.layers, strict=True)
        return [{**row, "assumed": layer.assumed} for row, layer in rows]

    def to_json(self, indent: int | None = None) -> str:
        """The analysis as JSON; the keys are stable, and unknown sizes and learnables are ``null``."""
        from layergraph.analyze.table.records import analysis_json

        return analysis_json(self, self.to_records(), indent)

    def to_csv(self) -> str:
        """The layers as CSV with a header; cells that a spreadsheet would run begin with ``'``."""
        from layergraph.analyze.table.records import LAYER_COLUMNS

        return self.table(LAYER_COLUMNS).to_csv()

    def to_markdown(self) -> str:
        """The title, the totals, the issues and the table in Markdown."""
        from layergraph.analyze.table.records import analysis_markdown

        return analysis_markdown(self)

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

        It opens from disk, loads nothing, and shows 10,000 layers without delay.
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
    """Report sizes, learnables and issues of every layer of a network (MATLAB ``analyzeNetwork``).

    All results come from arithmetic: no weight is made, torch is not imported, and a compiled network
    is neither run nor changed. Every error is reported, not only the first. The checks run when ``issues``
    is first read.

    Args:
        lgraph: a layer graph, a compiled network, or a sequence of layers; with ``input_size`` any torch
            module, which becomes one layer after an input (see :class:`ModuleLayer`). Put a module with
            several inputs or outputs into a graph yourself: ``ModuleLayer(module, num_inputs=2)``.
        target_usage: ``"train_network"`` (the default) expects an output layer; ``"network"`` (the
            default for a module, and for a compiled network without output layers) does not.
        name: a title for tables and pages.
        input_size: (height, width, channels) of the images that a torch module takes, or
            (height, width, depth, channels) of volumes.

    Raises:
        WrongTypeError: ``lgraph`` is no network.
        ArgumentError: an unknown ``target_usage``; an ``input_size`` for a graph that has its own.

    Cost: linear in the layers, about 6 µs each.

    >>> from layergraph.builders import unet_layers
    >>> lgraph = unet_layers((480, 640, 3), 5, encoder_depth=3)
    >>> analysis = analyze_network(lgraph)
    >>> analysis.total_learnables, analysis.num_errors
    (7697605, 0)
    >>> print(analysis.layers[22].name, analysis.layers[22].activations[0].size)
    Decoder-Stage-1-UpConv 120(S) × 160(S) × 256(C) × 1(B)
    """
    if input_size is None:
        graph = layer_graph_of(lgraph, "analyze_network")
    elif is_torch_module(lgraph):
        # a module has no loss layer, which the default usage would report as an error
        graph = graph_of_module(cast("nn.Module", lgraph), input_size)
        target_usage = target_usage or "network"
    else:
        raise ArgumentError(
            f"analyze_network: input_size must be left out for a layer graph, got {quoted(input_size)}; "
            "the graph has its own, and only a torch module needs one"
        )
    # a compiled network without a loss was never meant for training: a missing output layer is no error
    if target_usage is None:
        target_usage = "network" if is_compiled(lgraph) and not graph.output_names else "train_network"
    if target_usage not in get_args(TargetUsage):
        usages = " or ".join(map(repr, get_args(TargetUsage)))
        raise ArgumentError(f"analyze_network: target_usage must be {usages}, got {quoted(target_usage)}")
    # sizes and learnables only: the checks run when the issues are first read
    network = size_network(graph, target_usage)
    return NetworkAnalysis(str(name), target_usage, datetime.now().astimezone(), network)


def analysis_of(
    network: Any, caller: str, name: str = "", target_usage: TargetUsage | None = None
) -> NetworkAnalysis:
    """Analyze a network, unless it is an analysis; ``caller`` is the name of the function, for messages.

    Raises:
        WrongTypeError: ``network`` is none; the message gives the call that makes one of it.
    """
    if isinstance(network, NetworkAnalysis):
        return network
    # a compiled network stays one, as its default usage may differ from that of its graph
    # all else becomes a graph here, so that messages name the caller
    lgraph = network if is_compiled(network) else layer_graph_of(network, caller)
    return analyze_network(lgraph, target_usage=target_usage, name=name)
