"""The table ANALYSIS RESULT: cut to a terminal, whole everywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len

from layergraph.analyze.table.cells import ACTIVATIONS, SHAPES
from layergraph.analyze.table.text_columns import (
    GAP,
    STYLES,
    Cell,
    Line,
    column_widths,
    row_lines,
    rule,
    shrink_widths,
)
from layergraph.wording import long_count, quoted, visible

if TYPE_CHECKING:
    from layergraph.analyze.result import AnalysisResult, LayerInfo

_HEADER = ("", "Name", "Type", "Activations", "Learnable Properties")
# on a narrow terminal: the column that shrinks next, and the width down to which it shrinks
_SHRINKING = ((1, 34), (2, 18), (4, 16), (1, 26), (3, 22), (2, 12), (1, 16), (4, 8), (3, 10), (2, 6), (1, 8))


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
        indent = " " * len(f"warning{GAP}")  # the longest severity
        lines = _wrap(text, width - len(indent)) if width else [text]
        yield [(f"{issue.severity:<7}{GAP}", STYLES[issue.severity]), (lines[0], "")]
        yield from ([(f"{indent}{line}", "")] for line in lines[1:])
    if analysis.issues:
        yield []


def _layer_lines(analysis: AnalysisResult, width: int | None) -> Iterator[Line]:
    header = [Cell([title], "bold") for title in _HEADER]
    severities = worst_severities(analysis)
    rows = []
    for info in analysis.layers:
        index, name, *others = row_cells(info)
        style = STYLES.get(severities.get(info.name, ""), "bold")
        rows.append([Cell(index, "dim", right=True), Cell(name, style, "dim"), *map(Cell, others)])
    widths = shrink_widths(column_widths([header, *rows], len(header)), width, _SHRINKING)
    yield from row_lines(header, widths)
    yield rule(widths)
    for row in rows:
        yield from row_lines(row, widths)


def _wrap(text: str, width: int) -> list[str]:
    extra = cell_len(text) - len(text)  # characters that take two columns
    # names of layers have hyphens, and a broken name cannot be searched or copied
    # at least 20, because textwrap raises where a narrow terminal leaves no width
    return wrap(text, max(width - extra, 20), break_on_hyphens=False)
