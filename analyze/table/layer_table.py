"""A selection of layers and columns of an analysis, in every format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from layergraph.analyze.printed_result import PrintedResult
from layergraph.analyze.table.rows import LayerRows
from layergraph.analyze.table.text_columns import Line, plain_text

if TYPE_CHECKING:
    from pandas import DataFrame


class LayerTable(LayerRows, PrintedResult):
    """A selection of the layers and columns of an analysis; ``print`` and notebooks show it.

    :meth:`NetworkAnalysis.table` makes it. Iteration gives one dictionary per row.

    Attributes:
        columns: the names of the columns.
        rows: the rows, each with one value per column.
        totals: the sum of each column that can be summed; ``None`` where it is unknown.
        num_layers: the number of layers in all rows.
    """

    def __repr__(self) -> str:
        return f"LayerTable({len(self)} rows, columns {', '.join(self.columns)})"

    def _lines(self, width: int | None) -> Iterator[Line]:
        # each format is imported when it is asked for, because a table needs only one
        from layergraph.analyze.table.layer_text import table_lines

        return table_lines(self, width)

    def _repr_html_(self) -> str:
        from layergraph.analyze.table.markup import html_table

        return html_table(self)

    def to_text(self, width: int | None = None) -> str:
        """The table as plain text, cut with ``…`` to ``width`` columns if given; the last row has totals."""
        return plain_text(self._lines(width))

    def to_json(self, indent: int | None = None) -> str:
        """The rows and totals as JSON; the keys are stable, and unknown values are ``null``."""
        from layergraph.json_text import json_text

        everything = {
            "name": self.analysis.name,
            "columns": list(self.columns),
            "rows": self.to_records(),
            "totals": self.totals,
        }
        return json_text(everything, indent)

    def to_csv(self) -> str:
        """The rows as CSV with a header; cells that a spreadsheet would run begin with ``'``."""
        from layergraph.analyze.table.records import csv_text

        return csv_text(self)

    def to_markdown(self) -> str:
        """The table in Markdown; names are escaped."""
        from layergraph.analyze.table.markup import markdown_table

        return markdown_table(self)

    def to_latex(self) -> str:
        """The table for LaTeX with the packages ``booktabs`` and ``longtable``; names are escaped.

        >>> from layergraph import ImageInputLayer, ReluLayer
        >>> from layergraph.analyze import analyze_network
        >>> analysis = analyze_network([ImageInputLayer((8, 8, 1), name="in_1"), ReluLayer()])
        >>> print(analysis.table(["name", "type"]).to_latex().splitlines()[6])
        in\\_1 & Image Input \\\\
        """
        from layergraph.analyze.table.latex import latex_table

        return latex_table(self)

    def to_dataframe(self) -> DataFrame:
        """The rows as a pandas data frame, with counts as integers and sizes as text.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        from layergraph.analyze.table.dataframe import data_frame

        return data_frame(self)
