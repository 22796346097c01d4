"""Text in columns: cut to a width, colored in a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

# only its width of characters: rich's own tables take 0.5 ms a row
from rich.cells import cell_len, set_cell_size

if TYPE_CHECKING:
    from rich.text import Text

Line = list[tuple[str, str]]
"""Pieces of text, each with a style of rich."""

GAP = "  "
STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


class Cell(NamedTuple):
    """Lines of text, the first in ``style``, the others in ``below``.

    ``short`` stands for a line that does not fit, where it is given: half a number says something wrong.
    """

    lines: Sequence[str]
    style: str = ""
    below: str = ""
    right: bool = False
    short: str = ""


def terminal_width() -> int | None:
    """The width of the terminal that standard output writes to; ``None`` for a file, a pipe, a notebook."""
    try:
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    except (AttributeError, ValueError):  # no standard output, or closed
        return None


def plain(lines: Iterable[Line]) -> str:
    """Lines as text without colors."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def colored(lines: Iterable[Line]) -> Text:
    """Lines for rich's consoles."""
    from rich.text import Text

    return Text("\n", no_wrap=True, overflow="ellipsis").join(Text.assemble(*line) for line in lines)


def widths_of(rows: Iterable[Sequence[Cell]], columns: int) -> list[int]:
    """How wide each column is where nothing is cut."""
    widths = [0] * columns
    for row in rows:
        for column, cell in enumerate(row):
            widths[column] = max(widths[column], *map(cell_len, cell.lines), 0)
    return widths


def shrunk(widths: Sequence[int], width: int | None, steps: Iterable[tuple[int, int]]) -> list[int]:
    """Widths that fit into ``width``. Each step says how far a column may shrink before the next one must."""
    widths = list(widths)
    if width is None:
        return widths
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    for column, floor in steps:
        less = max(min(excess, widths[column] - floor), 0)
        widths[column] -= less
        excess -= less
    return widths


def row_lines(row: Sequence[Cell], widths: Sequence[int]) -> Iterator[Line]:
    """The lines of a row, each column cut or filled to its width."""
    for index in range(max((len(cell.lines) for cell in row), default=0)):
        line: Line = []
        for cell, width in zip(row, widths, strict=True):
            text = cell.lines[index] if index < len(cell.lines) else ""
            line += [(_fitted(text, cell, width), cell.below if index else cell.style), (GAP, "")]
        yield line[:-1]


def rule(widths: Sequence[int]) -> Line:
    """A line below the header."""
    return [(GAP.join("─" * width for width in widths), "dim")]


def _fitted(text: str, cell: Cell, width: int) -> str:
    """Text in exactly ``width`` columns."""
    wide = cell_len(text)
    if wide > width and cell.short:
        text = cell.short if cell_len(cell.short) <= width else "…"
        wide = cell_len(text)
    if wide > width:
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - wide) + text if cell.right else set_cell_size(text, width)
