"""A table of layers as text: cut to a width, colored in a terminal, with a row of sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from textwrap import wrap
from typing import TYPE_CHECKING

from layergraph.analyze.table.cells import (
    ACTIVATIONS,
    BLANK,
    NAME,
    NAMES,
    SENTENCE,
    SHAPES,
    TEXT,
    Kind,
    compact,
    lines,
    short,
)
from layergraph.analyze.table.columns import COLUMNS, Column
from layergraph.analyze.table.grid import GAP, STYLES, Cell, Line, row_lines, rule, shrunk, widths_of

if TYPE_CHECKING:
    from layergraph.analyze.table.rows import LayerRows, TableRow

# what gives way first; numbers and sizes follow, and names at last
_FIRST = (SENTENCE, SHAPES, NAMES, TEXT, ACTIVATIONS)


def texts(table: LayerRows) -> list[list[list[str]]]:
    """The lines of each cell of each row."""
    kinds = [COLUMNS[name].kind for name in table.columns]
    return [[lines(kind, value) for kind, value in zip(kinds, row.values, strict=True)] for row in table.rows]


def total_texts(table: LayerRows, *, narrow: bool = False) -> list[str]:
    """The row of sums, with its label; empty where nothing is summed."""
    if not table.totals:
        return []
    found = {name: lines(COLUMNS[name].kind, value)[0] for name, value in table.totals.items()}
    number, of = table.num_layers, table.analysis.num_layers
    count = f"{number:,} layer{'s' * (number != 1)}" if number == of else f"{number:,} of {of:,} layers"
    if "name" in table.columns and "type" in table.columns:
        found |= {"name": "Total", "type": count}
    else:
        first = [name for name in table.columns if not COLUMNS[name].kind.number]
        label = "Total" if narrow else f"Total of {count}"
        found |= {("name" if "name" in first else name): label for name in first[:1]}
    return [found.get(name, "") for name in table.columns]


def grid_lines(table: LayerRows, width: int | None) -> Iterator[Line]:
    """Header, rows and sums, cut to ``width`` columns if it is given."""
    header, rows, total = _cells(table, narrow=False)
    widths = widths_of([header, *rows, total], len(header))
    shown = table
    if width is not None and _together(widths) > width:
        header, rows, total = _cells(table, narrow=True)
        widths = widths_of([header, *rows, total], len(header))
        shown = _with_room(table, widths, width)
        if shown is not table:
            header, rows, total = _cells(shown, narrow=True)
            widths = widths_of([header, *rows, total], len(header))
        widths = shrunk(widths, width, _steps([COLUMNS[name].kind for name in shown.columns]))
    yield from row_lines(header, widths)
    yield rule(widths)
    for row in rows:
        yield from row_lines(row, widths)
    if not rows:
        yield [("no layers", "dim")]
    elif table.totals:
        yield rule(widths)
        yield from row_lines(total, widths)
    if hidden := [name for name in table.columns if name not in shown.columns]:
        yield from ([(line, "dim")] for line in wrap(f"no room for {', '.join(hidden)}", width or 0))


def _together(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _with_room(table: LayerRows, widths: Sequence[int], width: int) -> LayerRows:
    """As many columns as can be read; those on the right go first, and names stay."""
    least = {
        name: min(wide, COLUMNS[name].kind.floors[1])
        for name, wide in zip(table.columns, widths, strict=True)
    }
    for name in reversed(table.columns):
        if _together([*least.values()]) > width and len(least) > 1 and name != "name":
            del least[name]
    if len(least) == len(table.columns):
        return table
    places = [table.columns.index(name) for name in least]
    rows = tuple(replace(row, values=tuple(row.values[place] for place in places)) for row in table.rows)
    totals = {name: value for name, value in table.totals.items() if name in least}
    return replace(table, columns=tuple(least), rows=rows, totals=totals)


def _cells(table: LayerRows, *, narrow: bool) -> tuple[list[Cell], list[list[Cell]], list[Cell]]:
    """Header, rows and sums."""
    columns = [COLUMNS[name] for name in table.columns]
    write = compact if narrow else lines
    flaws = {issue.layer: STYLES[issue.severity] for issue in reversed(table.analysis.issues)}
    header = [
        Cell([column.short if narrow else column.title], "bold", right=column.kind.number)
        for column in columns
    ]
    rows = []
    for row in table.rows:
        rows.append(
            [
                Cell(write(c.kind, value), _style(c, row, flaws), "", c.kind.number, short(c.kind, value))
                for c, value in zip(columns, row.values, strict=True)
            ]
        )
    sums = [table.totals.get(column.name, BLANK) for column in columns]
    total = [
        Cell([text], "bold", "", c.kind.number, short(c.kind, value))
        for c, text, value in zip(columns, total_texts(table, narrow=narrow), sums, strict=False)
    ]
    return header, rows, total


def _style(column: Column, row: TableRow, flaws: dict[str, str]) -> str:
    if column.name == "index":
        return "dim"
    if column.name != "name":
        return ""
    found = [flaws[name] for name in row.layers if name in flaws]
    return min(found, key=list(STYLES.values()).index, default="bold")


def _steps(kinds: Sequence[Kind]) -> Iterator[tuple[int, int]]:
    """How columns give way: long texts first, all to a width that can be read, then further."""
    order = [index for first in _FIRST for index, kind in enumerate(kinds) if kind is first]
    order += [index for index, kind in enumerate(kinds) if kind not in _FIRST and kind is not NAME]
    order += [index for index, kind in enumerate(kinds) if kind is NAME]
    for level in (0, 1):
        yield from ((index, kinds[index].floors[level]) for index in order)
    yield from ((index, 1) for index in order)
