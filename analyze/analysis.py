"""The analysis of a network: sizes, learnables and findings of every layer, by arithmetic alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast, get_args

from layergraph.analyze.network_argument import around_module, is_compiled, is_module, layer_graph_of
from layergraph.analyze.printed import Printed
from layergraph.analyze.result import AnalysisResult
from layergraph.analyze.sized_network import sized_network
from layergraph.analyze.table.grid import Line, plain
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import TargetUsage
from layergraph.layers.layer import Layer
from layergraph.wording import visible

if TYPE_CHECKING:
    from pandas import DataFrame
    from torch import nn

    from layergraph.analyze.table.layer_table import LayerTable
    from layergraph.network.network import Network


class NetworkAnalysis(AnalysisResult, Printed):
    """The result of :func:`analyze_network`; ``print`` shows it as a table, notebooks show it too.

    See :class:`AnalysisResult` for the attributes; the methods write it in every format.
    """

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
        from layergraph.analyze.table.records import LAYER_COLUMNS

        columns = [name for name in LAYER_COLUMNS if name != "num_learnables"]
        rows = zip(self.table(columns).to_records(), self.layers, strict=True)
        return [{**row, "assumed": layer.assumed} for row, layer in rows]

    def to_json(self, indent: int | None = None) -> str:
        """Everything as JSON; the keys are stable. Unknown sizes and learnables are ``null``."""
        from layergraph.analyze.table.records import as_json

        return as_json(self, self.to_records(), indent)

    def to_csv(self) -> str:
        """The layers as CSV with a header; what a spreadsheet takes for a formula gets ``'`` before it."""
        from layergraph.analyze.table.records import LAYER_COLUMNS

        return self.table(LAYER_COLUMNS).to_csv()

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
    network = sized_network(graph, target_usage)
    return NetworkAnalysis(str(name), target_usage, datetime.now().astimezone(), network)


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
