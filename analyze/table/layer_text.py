"""A table of layers as text: cut to a width, colored in a terminal, with a row of totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING

from layergraph.analyze.table.analysis_table import worst_severities
from layergraph.analyze.table.cells import (
    ACTIVATIONS,
    BLANK,
    NAME,
    NAMES,
    SENTENCE,
    SHAPES,
    TEXT,
    ValueKind,
    abbreviation,
    lines,
    narrow_lines,
)
from layergraph.analyze.table.columns import COLUMNS, Column
from layergraph.analyze.table.text_columns import (
    STYLES,
    Cell,
    Line,
    column_widths,
    row_lines,
    rule,
    shrink_widths,
    total_width,
)
from layergraph.wording import counted

if TYPE_CHECKING:
    from layergraph.analyze.table.rows import LayerRows, TableRow

# kinds that shrink first; numbers follow, and names last
_SHRINK_FIRST = (SENTENCE, SHAPES, NAMES, TEXT, ACTIVATIONS)


def cell_lines(table: LayerRows) -> list[list[list[str]]]:
    """The lines of each cell of each row."""
    kinds = [COLUMNS[name].kind for name in table.columns]
    return [[lines(kind, value) for kind, value in zip(kinds, row.values, strict=True)] for row in table.rows]


def total_texts(table: LayerRows, *, narrow: bool = False) -> list[str]:
    """The row of totals with its label; empty if no column has a total."""
    if not table.totals:
        return []
    texts = {name: lines(COLUMNS[name].kind, value)[0] for name, value in table.totals.items()}
    number, of = table.num_layers, table.analysis.num_layers
    # a selection says that it is one, or its total would pass for that of the network
    count = counted(number, "layer") if number == of else f"{number:,} of {of:,} layers"
    if "name" in table.columns and "type" in table.columns:
        texts |= {"name": "Total", "type": count}
    else:
        # in a column of text: among numbers, the label would look like a value
        first = [name for name in table.columns if not COLUMNS[name].kind.number]
        label = "Total" if narrow else f"Total of {count}"
        texts |= {("name" if "name" in first else name): label for name in first[:1]}
    return [texts.get(name, "") for name in table.columns]


def table_lines(table: LayerRows, width: int | None) -> Iterator[Line]:
    """Header, rows and totals, cut to ``width`` columns if it is given.

    A table that is too wide is written in short forms first; then columns on the right are left out,
    and only then texts are cut. Cutting alone would leave columns of two letters.
    """
    header, rows, total = _cells(table, narrow=False)
    widths = column_widths([header, *rows, total], len(header))
    shown = table
    if width is not None and total_width(widths) > width:
        header, rows, total = _cells(table, narrow=True)
        widths = column_widths([header, *rows, total], len(header))
        shown = _leave_out_columns(table, widths, width)
        if shown is not table:
            # again, because the label of the totals depends on the columns that are left
            header, rows, total = _cells(shown, narrow=True)
            widths = column_widths([header, *rows, total], len(header))
        widths = shrink_widths(widths, width, _steps([COLUMNS[name].kind for name in shown.columns]))
    yield from row_lines(header, widths)
    yield rule(widths)
    for row in rows:
        yield from row_lines(row, widths)
    if not rows:
        yield [("no layers", "dim")]
    elif table.totals:
        yield rule(widths)
        yield from row_lines(total, widths)
    if left_out := [name for name in table.columns if name not in shown.columns]:
        yield from ([(line, "dim")] for line in wrap(f"no room for {', '.join(left_out)}", width or 0))


def _leave_out_columns(table: LayerRows, widths: Sequence[int], width: int) -> LayerRows:
    """Leave out columns from the right until the others can be read; names always stay."""
    least = {
        name: min(wide, COLUMNS[name].kind.floors[1])
        for name, wide in zip(table.columns, widths, strict=True)
    }
    for name in reversed(table.columns):
        if total_width([*least.values()]) > width and len(least) > 1 and name != "name":
            del least[name]
    if len(least) == len(table.columns):
        return table
    indices = [table.columns.index(name) for name in least]
    rows = tuple(replace(row, values=tuple(row.values[index] for index in indices)) for row in table.rows)
    totals = {name: value for name, value in table.totals.items() if name in least}
    return replace(table, columns=tuple(least), rows=rows, totals=totals)


def _cells(table: LayerRows, *, narrow: bool) -> tuple[list[Cell], list[list[Cell]], list[Cell]]:
    """The cells of header, rows and totals."""
    columns = [COLUMNS[name] for name in table.columns]
    write = narrow_lines if narrow else lines
    severities = worst_severities(table.analysis)
    header = [
        Cell([column.short if narrow else column.title], "bold", right=column.kind.number)
        for column in columns
    ]
    rows = []
    for row in table.rows:
        cells = []
        for column, value in zip(columns, row.values, strict=True):
            kind, style = column.kind, _style(column, row, severities)
            # a cut number would be a wrong one, so numbers get a text that replaces them
            short = abbreviation(kind, value)
            cells.append(Cell(write(kind, value), style, "", kind.number, short, is_name=kind is NAME))
        rows.append(cells)
    sums = [table.totals.get(column.name, BLANK) for column in columns]
    total = [
        Cell([text], "bold", "", c.kind.number, abbreviation(c.kind, value))
        # not strict: without totals there are no texts, and so no cells
        for c, text, value in zip(columns, total_texts(table, narrow=narrow), sums, strict=False)
    ]
    return header, rows, total


def _style(column: Column, row: TableRow, severities: dict[str, str]) -> str:
    if column.name == "index":
        return "dim"
    if column.name != "name":
        return ""
    of_row = {severities.get(name) for name in row.layers}
    # STYLES begins with the worst, so a block has the color of its worst issue
    return next((style for severity, style in STYLES.items() if severity in of_row), "bold")


def _steps(kinds: Sequence[ValueKind]) -> Iterator[tuple[int, int]]:
    """The order in which columns shrink: long texts first, all to a width that can be read, then further."""
    order = [index for first in _SHRINK_FIRST for index, kind in enumerate(kinds) if kind is first]
    order += [index for index, kind in enumerate(kinds) if kind not in _SHRINK_FIRST and kind is not NAME]
    order += [index for index, kind in enumerate(kinds) if kind is NAME]
    # in one pass, the first text would shrink to a few letters before any other gives room
    for level in (0, 1):
        yield from ((index, kinds[index].floors[level]) for index in order)
    # at last down to one letter, so that no column vanishes
    yield from ((index, 1) for index in order)
