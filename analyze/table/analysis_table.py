"""The table ANALYSIS RESULT: cut to a terminal, whole everywhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len

from layergraph.analyze.size_text import align, plain_size
from layergraph.analyze.table.cells import ACTIVATIONS, SHAPES
from layergraph.analyze.table.text_columns import (
    GAP,
    STYLES,
    Cell,
    Line,
    column_widths,
    hang,
    row_lines,
    rule,
    shrink_widths,
    total_width,
    wrapped,
)
from layergraph.wording import long_count, quoted, visible

if TYPE_CHECKING:
    from layergraph.analyze.result import AnalysisResult, LayerInfo

_HEADER = ("", "Name", "Type", "Activations", "Learnable Properties")
# on a narrow terminal: the column that shrinks next, and the width down to which it shrinks
_SHRINKING = (
    *((1, 34), (2, 18), (1, 26), (2, 14), (4, 20), (1, 22), (3, 13)),
    *((2, 9), (4, 14), (1, 16), (4, 8), (3, 10), (2, 6), (1, 8)),
)


def title(analysis: AnalysisResult) -> str:
    """The heading, with the network's name if it has one."""
    return f"ANALYSIS RESULT: {visible(analysis.name)}" if analysis.name else "ANALYSIS RESULT"


def totals(analysis: AnalysisResult) -> list[tuple[str, str]]:
    """The totals, each with its label."""
    learnables = long_count(analysis.known_learnables)
    if analysis.total_learnables is None:
        learnables = f"unknown, at least {learnables}"
    rows = [
        ("Total learnables", learnables),
        ("Layers", f"{analysis.num_layers:,}"),
        ("Connections", f"{analysis.num_connections:,}"),
        ("Errors", f"{analysis.num_errors:,}"),
        ("Warnings", f"{analysis.num_warnings:,}"),
    ]
    if analysis.num_notes:
        rows.append(("Notes", f"{analysis.num_notes:,}"))
    return rows


def worst_severities(analysis: AnalysisResult) -> dict[str, str]:
    """The severity of the most severe issue of each layer that has any."""
    # issues begin with the errors; in reverse, these are assigned last
    return {issue.layer: issue.severity for issue in reversed(analysis.issues)}


def row_cells(row: LayerInfo) -> tuple[list[str], ...]:
    """The lines of each column of a layer's row."""
    name = [visible(row.name), f"  {visible(row.description)}"]
    sizes, learnables = ACTIVATIONS.lines(row.activations), SHAPES.lines(row.learnables)
    if row.assumed:  # marked, so that nobody takes a guess for a result
        sizes = [f"≈ {line}" for line in sizes]
    return [str(row.index)], name, [visible(row.type)], sizes, learnables


def narrow_cells(row: LayerInfo) -> tuple[list[str], ...]:
    """The lines of each column, without description and with sizes as ``480×640×64``, without the batch."""
    index, (name, _), kind, _, learnables = row_cells(row)
    mark = "≈ " if row.assumed else ""
    plain = [(port, mark + plain_size(size)) for port, size in row.activations]
    sizes = align(plain) if len(plain) > 1 else [text for _, text in plain]
    return index, [name], kind, sizes, learnables


def analysis_lines(analysis: AnalysisResult, width: int | None) -> Iterator[Line]:
    """Title, totals, issues and table, cut to ``width`` columns if it is given."""
    yield [(title(analysis), "bold")]
    yield []
    for label, value in totals(analysis):
        # zero errors in red would alarm at a glance
        style = STYLES.get(label.lower().removesuffix("s"), "") if value != "0" else ""
        yield [(f"{label:<16}{GAP}", ""), (value, style)]
    yield []
    # issues come first: below the rows of a large network nobody would look for them
    yield from _issue_lines(analysis, width)
    yield from _layer_lines(analysis, width)


def _issue_lines(analysis: AnalysisResult, width: int | None) -> Iterator[Line]:
    for issue in analysis.issues:
        place = f"at {quoted(issue.layer)}: " if issue.layer else ""
        text = f"{place}{visible(issue.message)} [{issue.code}]"
        # 7 is the width of the longest severity
        yield from hang([[(f"{issue.severity:<7}{GAP}", STYLES[issue.severity]), (text, "")]], width)
    if analysis.issues:
        yield []


def _layer_lines(analysis: AnalysisResult, width: int | None) -> Iterator[Line]:
    header = [Cell([title], "bold") for title in _HEADER]
    severities = worst_severities(analysis)
    rows = [_cells(row_cells(info), severities.get(info.name)) for info in analysis.layers]
    widths = column_widths([header, *rows], len(header))
    if width is not None and total_width(widths) > width:
        yield from _narrow_lines(analysis, header, severities, width)
        return
    yield from row_lines(header, widths)
    yield rule(widths)
    for row in rows:
        yield from row_lines(row, widths)


def _narrow_lines(
    analysis: AnalysisResult, header: list[Cell], severities: dict[str, str], width: int
) -> Iterator[Line]:
    """The table in a terminal that is too narrow for it.

    Sizes have no labels (S)(C)(B), long names are shortened, and a description wraps below all columns but
    the last.
    """
    rows = [_cells(narrow_cells(info), severities.get(info.name)) for info in analysis.layers]
    widths = shrink_widths(column_widths([header, *rows], len(header)), width, _SHRINKING)
    yield from row_lines(header, widths)
    yield rule(widths)
    *left, right = widths
    indent = left[0] + len(GAP) + 2
    for info, row in zip(analysis.layers, rows, strict=True):
        block, learnables = list(row_lines(row[:-1], left)), list(row_lines(row[-1:], [right]))
        # beside learnables, or in the whole width below them
        room = total_width(left if len(learnables) > len(block) else widths)
        description = wrapped(visible(info.description), room - indent)
        block += [[(" " * indent + line, "dim")] for line in description]
        for first, second in zip_longest(block, learnables, fillvalue=[("", "")]):
            gap = total_width(left) + len(GAP) - sum(cell_len(text) for text, _ in first)
            yield [*first, (" " * gap, ""), *second]


def _cells(columns: Sequence[Sequence[str]], severity: str | None) -> list[Cell]:
    index, names, kind, sizes, learnables = columns
    style = STYLES.get(severity or "", "bold")
    return [
        Cell(index, "dim", right=True),
        Cell(names, style, "dim", is_name=True),
        Cell(kind, wraps=True),
        Cell(sizes),
        Cell(learnables),
    ]
