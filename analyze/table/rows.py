"""The rows of a table of layers, as data; :class:`LayerTable` writes them in every format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from layergraph.analyze.table.cells import BLANK
from layergraph.analyze.table.columns import COLUMNS

if TYPE_CHECKING:
    from layergraph.analyze.result import AnalysisResult


@dataclass(frozen=True)
class TableRow:
    """A row of a :class:`LayerTable`: one layer, or the layers of a block.

    Attributes:
        layers: the names of its layers.
        block: the name of the block; empty for one layer.
        values: the value of each column.
    """

    layers: tuple[str, ...]
    block: str
    values: tuple[Any, ...]


@dataclass(frozen=True, eq=False, repr=False)
class LayerRows:
    """Rows of a table of layers.

    Attributes:
        columns: the names of the columns.
        rows: the rows, each with one value per column.
        totals: the sum of each column that can be summed; ``None`` where it is unknown.
        analysis: the analysis of the network.
    """

    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    totals: dict[str, int | None]
    analysis: AnalysisResult = field(compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_records())

    @cached_property
    def num_layers(self) -> int:
        """The number of layers in all rows."""
        return sum(len(row.layers) for row in self.rows)

    def to_records(self) -> list[dict[str, Any]]:
        """One dictionary per row, ready for JSON; that of a block has its layers under ``"layers"``."""
        kinds = [COLUMNS[name].kind for name in self.columns]
        records = []
        for row in self.rows:
            values = zip(self.columns, kinds, row.values, strict=True)
            # only blocks have blanks: an empty text of a layer stays a text
            if row.block:
                record = {
                    name: None if value == BLANK else kind.record(value) for name, kind, value in values
                }
                records.append({**record, "layers": list(row.layers)})
            else:
                records.append({name: kind.record(value) for name, kind, value in values})
        return records
