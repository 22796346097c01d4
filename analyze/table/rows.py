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
class LayerRows:
    """Layers of an analysis in the columns and the order asked for, as data.

    Attributes:
        columns: the names of the columns.
        rows: the rows, each with the values of the columns.
        totals: the sum of each column that has one, ``None`` where it is unknown.
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
        """How many layers the rows stand for."""
        return sum(len(row.layers) for row in self.rows)

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
