"""The analysis as a table: cut to a terminal, whole everywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len

from layergraph.analyze.table.cells import ACTIVATIONS, SHAPES
from layergraph.analyze.table.grid import GAP, STYLES, Cell, Line, row_lines, rule, shrunk, widths_of
from layergraph.wording import long_count, visible

if TYPE_CHECKING:
    from layergraph.analyze.result import AnalysisResult, LayerInfo

_HEADER = ("", "Name", "Type", "Activations", "Learnable Properties")
# which column gives way first on a narrow terminal, and down to what width
_SHRINKING = ((1, 34), (2, 18), (4, 16), (1, 26), (3, 22), (2, 12), (1, 16), (4, 8), (3, 10), (2, 6), (1, 8))


def title(analysis: AnalysisResult) -> str:
    """The heading, with the network's name if it has one."""
    return f"ANALYSIS RESULT: {visible(analysis.name)}" if analysis.name else "ANALYSIS RESULT"


def totals_of(analysis: AnalysisResult) -> list[tuple[str, str]]:
    """The totals, each with its label."""
    learnables = long_count(analysis.known_learnables)
    if analysis.total_learnables is None:
        learnables = f"unknown, at least {learnables}"
    return [
        ("Total learnables", learnables),
        ("Layers", f"{analysis.num_layers:,}"),
        ("Connections", f"{analysis.num_connections:,}"),
        ("Errors", f"{analysis.num_errors:,}"),
        ("Warnings", f"{analysis.num_warnings:,}"),
        *[("Notes", f"{analysis.num_hints:,}")][: analysis.num_hints],
    ]


def cells(row: LayerInfo) -> tuple[list[str], ...]:
    """The lines of each column of a layer's row."""
    name = [visible(row.name), f"  {visible(row.description)}"]
    sizes, learnables = ACTIVATIONS.lines(row.activations), SHAPES.lines(row.learnables)
    if row.assumed:
        sizes = [f"≈ {line}" for line in sizes]
    return [str(row.index)], name, [visible(row.type)], sizes, learnables


def lines(analysis: AnalysisResult, width: int | None) -> Iterator[Line]:
    """Title, totals, issues and table, cut to ``width`` columns if it is given."""
    yield [(title(analysis), "bold")]
    yield []
    for label, value in totals_of(analysis):
        style = STYLES.get(label.lower().removesuffix("s"), "") if value != "0" else ""
        yield [(f"{label:<16}{GAP}", ""), (value, style)]
    yield []
    yield from _issue_lines(analysis, width)
    yield from _table(analysis, width)


def _issue_lines(analysis: AnalysisResult, width: int | None) -> Iterator[Line]:
    for issue in analysis.issues:
        place = f"at {issue.layer!r}: " if issue.layer else ""
        text = f"{place}{visible(issue.message)} [{issue.code}]"
        indent = " " * len(f"warning{GAP}")
        broken = _wrapped(text, width - len(indent)) if width else [text]
        yield [(f"{issue.severity:<7}{GAP}", STYLES[issue.severity]), (broken[0], "")]
        yield from ([(f"{indent}{line}", "")] for line in broken[1:])
    if analysis.issues:
        yield []


def _table(analysis: AnalysisResult, width: int | None) -> Iterator[Line]:
    header = [Cell([title], "bold") for title in _HEADER]
    flawed = {issue.layer: STYLES[issue.severity] for issue in reversed(analysis.issues)}
    rows = []
    for info in analysis.layers:
        index, name, *others = cells(info)
        style = flawed.get(info.name, "bold")
        rows.append([Cell(index, "dim", right=True), Cell(name, style, "dim"), *map(Cell, others)])
    widths = shrunk(widths_of([header, *rows], len(header)), width, _SHRINKING)
    yield from row_lines(header, widths)
    yield rule(widths)
    for row in rows:
        yield from row_lines(row, widths)


def _wrapped(text: str, width: int) -> list[str]:
    wide = cell_len(text) - len(text)  # characters that take two columns
    return wrap(text, max(width - wide, 20), break_on_hyphens=False)
