"""A view of an analysis: the columns, rows and order that were asked for, in every format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from layergraph.analyze.printed import Printed
from layergraph.analyze.table.cells import BLANK
from layergraph.analyze.table.columns import COLUMNS
from layergraph.analyze.table.grid import Line, plain

if TYPE_CHECKING:
    from pandas import DataFrame

    from layergraph.analyze.analysis import NetworkAnalysis


@dataclass(frozen=True)
class Row:
    """A row: a layer, or a block of several.

    Attributes:
        layers: the names of the layers it stands for.
        block: the name of the block it stands for; empty for a layer.
        values: the value of each column.
    """

    layers: tuple[str, ...]
    block: str
    values: tuple[Any, ...]


@dataclass(frozen=True, eq=False, repr=False)
class LayerTable(Printed):
    """Layers of an analysis in the columns and the order asked for; ``print`` and notebooks show it.

    Made by :meth:`NetworkAnalysis.table`.

    Attributes:
        columns: the names of the columns.
        rows: the rows, each with the values of the columns.
        totals: the sum of each column that has one, ``None`` where it is unknown.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    totals: dict[str, int | None]
    analysis: NetworkAnalysis = field(compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_records())

    @cached_property
    def num_layers(self) -> int:
        """How many layers the rows stand for."""
        return sum(len(row.layers) for row in self.rows)

    # -- to read -------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"LayerTable({len(self)} rows, columns {', '.join(self.columns)})"

    def _lines(self, width: int | None) -> Iterator[Line]:
        from layergraph.analyze.table.layer_grid import grid_lines

        return grid_lines(self, width)

    def _repr_html_(self) -> str:
        from layergraph.analyze.table.markup import html_table

        return html_table(self)

    def to_text(self, width: int | None = None) -> str:
        """Plain text, cut with ``…`` to ``width`` columns; by default whole. A last row has the sums."""
        return plain(self._lines(width))

    # -- to work with --------------------------------------------------------------------------

    def to_records(self) -> list[dict[str, Any]]:
        """A dictionary a row, ready for JSON; a block's has its layers under ``"layers"``."""
        kinds = [COLUMNS[name].kind for name in self.columns]
        found = []
        for row in self.rows:
            values = zip(self.columns, kinds, row.values, strict=True)
            if row.block:
                record = {
                    name: None if value == BLANK else kind.record(value) for name, kind, value in values
                }
                found.append({**record, "layers": list(row.layers)})
            else:
                found.append({name: kind.record(value) for name, kind, value in values})
        return found

    def to_json(self, indent: int | None = None) -> str:
        """The rows and totals as JSON; the keys are stable. What is unknown is ``null``."""
        from layergraph.analyze.table.records import json_text

        everything = {
            "name": self.analysis.name,
            "columns": list(self.columns),
            "rows": self.to_records(),
            "totals": self.totals,
        }
        return json_text(everything, indent)

    def to_csv(self) -> str:
        """CSV with a header; what a spreadsheet takes for a formula gets ``'`` before it."""
        from layergraph.analyze.table.records import csv_text

        return csv_text(self)

    def to_markdown(self) -> str:
        """The table in Markdown; names can become no markup."""
        from layergraph.analyze.table.markup import markdown_table

        return markdown_table(self)

    def to_latex(self) -> str:
        """The table for LaTeX with the packages ``longtable`` and ``booktabs``; names are escaped.

        >>> from layergraph import ImageInputLayer, ReluLayer
        >>> from layergraph.analyze import analyze_network
        >>> analysis = analyze_network([ImageInputLayer((8, 8, 1), name="in_1"), ReluLayer()])
        >>> print(analysis.table(["name", "type"]).to_latex().splitlines()[6])
        in\\_1 & Image Input \\\\
        """
        from layergraph.analyze.table.latex import latex_table

        return latex_table(self)

    def to_dataframe(self) -> DataFrame:
        """A pandas data frame: a row a row, counts as whole numbers, sizes as text.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        from layergraph.analyze.table.dataframe import data_frame

        return data_frame(self)
