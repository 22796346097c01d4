"""Text in columns: cut to a width, colored in a terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

# only rich's widths of characters: its own tables take 0.5 ms per row
from rich.cells import cell_len, set_cell_size

if TYPE_CHECKING:
    from rich.text import Text

Line = list[tuple[str, str]]
"""Pieces of text, each with a style of rich."""

GAP = "  "
STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


class Cell(NamedTuple):
    """Lines of text, the first in ``style``, the others in ``below``.

    ``short`` replaces a line that does not fit, where it is given: a part of a number is a wrong number.
    """

    lines: Sequence[str]
    style: str = ""
    below: str = ""
    right: bool = False
    short: str = ""


def terminal_width() -> int | None:
    """The width of the terminal that standard output writes to; ``None`` for a file, a pipe, a notebook."""
    try:
        # for a pipe, get_terminal_size would make up 80 columns
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    except (AttributeError, ValueError):  # no standard output, or a closed one
        return None


def plain_text(lines: Iterable[Line]) -> str:
    """Lines as text without colors."""
    # without the spaces that fill the last column: they would wrap in a narrow window
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def rich_text(lines: Iterable[Line]) -> Text:
    """Lines for the consoles of rich."""
    from rich.text import Text

    # assembled, not parsed: "[red]" in a name is no markup
    return Text("\n", no_wrap=True, overflow="ellipsis").join(Text.assemble(*line) for line in lines)


def column_widths(rows: Iterable[Sequence[Cell]], columns: int) -> list[int]:
    """The width of each column where nothing is cut."""
    widths = [0] * columns
    for row in rows:
        for column, cell in enumerate(row):
            # the 0 is for cells without lines: max() of a single number raises
            widths[column] = max(widths[column], *map(cell_len, cell.lines), 0)
    return widths


def total_width(widths: Sequence[int]) -> int:
    """The width of all columns with their gaps."""
    return sum(widths) + len(GAP) * (len(widths) - 1)


def shrink_widths(widths: Sequence[int], width: int | None, steps: Iterable[tuple[int, int]]) -> list[int]:
    """Shrink columns until they fit into ``width``.

    Each step names a column and the width down to which it shrinks before the next step begins.
    """
    widths = list(widths)
    if width is None:
        return widths
    excess = total_width(widths) - width
    for column, floor in steps:
        # not below 0: a column may be narrower than its floor already
        cut = max(min(excess, widths[column] - floor), 0)
        widths[column] -= cut
        excess -= cut
    return widths


def row_lines(row: Sequence[Cell], widths: Sequence[int]) -> Iterator[Line]:
    """The lines of a row, each column cut or filled to its width."""
    for index in range(max((len(cell.lines) for cell in row), default=0)):
        line: Line = []
        for cell, width in zip(row, widths, strict=True):
            text = cell.lines[index] if index < len(cell.lines) else ""
            line += [(_fit(text, cell, width), cell.below if index else cell.style), (GAP, "")]
        yield line[:-1]


def rule(widths: Sequence[int]) -> Line:
    """The rule below a header."""
    return [(GAP.join("─" * width for width in widths), "dim")]


def _fit(text: str, cell: Cell, width: int) -> str:
    """Cut or fill text to exactly ``width`` columns."""
    length = cell_len(text)  # a Chinese character takes two columns, so that len() does not do
    if length > width and cell.short:
        text = cell.short if cell_len(cell.short) <= width else "…"
        length = cell_len(text)
    if length > width:
        # half of a wide character becomes a space, so that columns stay aligned
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - length) + text if cell.right else set_cell_size(text, width)
