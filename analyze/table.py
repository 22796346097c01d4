"""The analysis as a table: cut to a terminal, whole everywhere else."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

# only its width of characters: rich's own tables take 0.5 ms a row
from rich.cells import cell_len, set_cell_size

from layergraph.analyze.wording import counted, learnables_text, size_text, visible

if TYPE_CHECKING:
    from rich.text import Text

    from layergraph.analyze.analysis import LayerInfo, NetworkAnalysis

_Line = list[tuple[str, str]]  # pieces of text, each with a style of rich

_HEADER = ("", "Name", "Type", "Activations", "Learnable Properties")
_GAP = "  "
# which column gives way first on a narrow terminal, and down to what width
_SHRINKING = ((1, 34), (2, 18), (4, 16), (1, 26), (3, 22), (2, 12), (1, 16), (4, 8), (3, 10), (2, 6), (1, 8))
_STYLES = {"error": "bold red", "warning": "yellow", "hint": "cyan"}


def terminal_width() -> int | None:
    """The width of the terminal that standard output writes to; ``None`` for a file, a pipe, a notebook."""
    try:
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    except (AttributeError, ValueError):  # no standard output, or closed
        return None


def plain_text(analysis: NetworkAnalysis, width: int | None) -> str:
    """Title, totals, issues and table, cut to ``width`` columns if it is given."""
    lines = ("".join(text for text, _ in line) for line in _lines(analysis, width))
    return "\n".join(line.rstrip() for line in lines)


def rich_text(analysis: NetworkAnalysis, width: int | None) -> Text:
    """The same in colour."""
    from rich.text import Text

    lines = (Text.assemble(*line) for line in _lines(analysis, width))
    return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)


def title(analysis: NetworkAnalysis) -> str:
    """The heading, with the network's name if it has one."""
    return f"ANALYSIS RESULT: {visible(analysis.name)}" if analysis.name else "ANALYSIS RESULT"


def totals_of(analysis: NetworkAnalysis) -> list[tuple[str, str]]:
    """The totals, each with its label."""
    learnables = counted(analysis.known_learnables)
    if analysis.total_learnables is None:
        learnables = f"unknown, at least {learnables}"
    return [
        ("Total learnables", learnables),
        ("Layers", f"{analysis.num_layers:,}"),
        ("Connections", f"{analysis.num_connections:,}"),
        ("Errors", f"{analysis.num_errors:,}"),
        ("Warnings", f"{analysis.num_warnings:,}"),
    ]


def cells(row: LayerInfo) -> tuple[list[str], ...]:
    """The lines of each column of a layer's row."""
    name = [visible(row.name), f"  {visible(row.description)}"]
    if len(row.activations) == 1:
        activations = [size_text(row.activations[0].size)]
    else:
        activations = _aligned([(port, size_text(size)) for port, size in row.activations])
    properties = learnables_text(row.learnables)
    if len(properties) > 1:
        properties = _aligned([tuple(line.rsplit(" ", 1)) for line in properties])
    return [str(row.index)], name, [visible(row.type)], activations, properties


def _aligned(pairs: list[tuple[str, ...]]) -> list[str]:
    longest = max((len(first) for first, _ in pairs), default=0)
    return [f"{first:<{longest}} {second}" for first, second in pairs]


def _lines(analysis: NetworkAnalysis, width: int | None) -> Iterator[_Line]:
    yield [(title(analysis), "bold")]
    yield []
    for label, value in totals_of(analysis):
        style = _STYLES.get(label.lower().removesuffix("s"), "") if value != "0" else ""
        yield [(f"{label:<16}{_GAP}", ""), (value, style)]
    yield []
    for issue in analysis.issues:
        place = f"at {issue.layer!r}: " if issue.layer else ""
        text = f"{place}{visible(issue.message)} [{issue.code}]"
        indent = " " * len(f"warning{_GAP}")
        broken = _wrapped(text, width - len(indent)) if width else [text]
        yield [(f"{issue.severity:<7}{_GAP}", _STYLES[issue.severity]), (broken[0], "")]
        yield from ([(f"{indent}{line}", "")] for line in broken[1:])
    if analysis.issues:
        yield []
    yield from _table(analysis, width)


def _table(analysis: NetworkAnalysis, width: int | None) -> Iterator[_Line]:
    rows = [cells(row) for row in analysis.layers]
    widths = [cell_len(header) for header in _HEADER]
    for row in rows:
        for column, texts in enumerate(row):
            widths[column] = max(widths[column], *map(cell_len, texts))
    if width is not None:
        widths = _shrunk(widths, width)
    yield _row(_HEADER, widths, ("bold",) * 5)
    yield _row(["─" * size for size in widths], widths, ("dim",) * 5)
    flawed = {issue.layer: _STYLES[issue.severity] for issue in reversed(analysis.issues)}
    for info, row in zip(analysis.layers, rows, strict=True):
        row[0][0] = row[0][0].rjust(widths[0])
        for index in range(max(map(len, row))):
            styles = ("dim", "dim" if index else flawed.get(info.name, "bold"), "", "", "")
            texts = [texts[index] if index < len(texts) else "" for texts in row]
            yield _row(texts, widths, styles)


def _row(texts: Sequence[str], widths: Sequence[int], styles: Sequence[str]) -> _Line:
    line = []
    for text, width, style in zip(texts, widths, styles, strict=True):
        line += [(_cut(text, width), style), (_GAP, "")]
    return line[:-1]


def _wrapped(text: str, width: int) -> list[str]:
    wide = cell_len(text) - len(text)  # characters that take two columns
    return wrap(text, max(width - wide, 20), break_on_hyphens=False)


def _cut(text: str, width: int) -> str:
    """Text in exactly ``width`` columns."""
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def _shrunk(widths: list[int], width: int) -> list[int]:
    widths = list(widths)
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    for column, floor in _SHRINKING:
        less = max(min(excess, widths[column] - floor), 0)
        widths[column] -= less
        excess -= less
    return widths
