"""A view of an analysis: the columns, rows and order that were asked for, in every format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from layergraph.analyze.printed import Printed
from layergraph.analyze.table.grid import Line, plain
from layergraph.analyze.table.rows import LayerRows

if TYPE_CHECKING:
    from pandas import DataFrame


class LayerTable(LayerRows, Printed):
    """Layers of an analysis in the columns and the order asked for; ``print`` and notebooks show it.

    Made by :meth:`NetworkAnalysis.table`; see :class:`LayerRows` for the attributes.
    """

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

    def to_json(self, indent: int | None = None) -> str:
        """The rows and totals as JSON; the keys are stable. What is unknown is ``null``."""
        from layergraph.json_text import json_text

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
