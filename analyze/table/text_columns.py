"""Text in columns: cut to a width, colored in a terminal."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

# only rich's widths of characters: its own tables take 0.5 ms per row
from rich.cells import cell_len, set_cell_size

if TYPE_CHECKING:
    from rich.text import Text

Line = list[tuple[str, str]]
"""Pieces of text, each with a style of rich."""

GAP = "  "
# narrower texts would be columns of single words
_LEAST_WRAP = 12
STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}


class Cell(NamedTuple):
    """Lines of text, the first in ``style``, the others in ``below``.

    ``short`` replaces a line that does not fit, where it is given: a part of a number is a wrong number.
    ``is_name``: the first line is a name, which :func:`cut_name` cuts.
    ``wraps``: lines wrap instead of being cut.
    """

    lines: Sequence[str]
    style: str = ""
    below: str = ""
    right: bool = False
    short: str = ""
    is_name: bool = False
    wraps: bool = False


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
    """The lines of a row, each column wrapped, cut or filled to its width."""
    if not row:  # a table without totals
        return
    columns = [_wrapped_lines(cell, width) for cell, width in zip(row, widths, strict=True)]
    for index in range(max(map(len, columns), default=0)):
        line: Line = []
        for cell, lines, width in zip(row, columns, widths, strict=True):
            text = lines[index] if index < len(lines) else ""
            if cell.is_name and not index:
                text = cut_name(text, width)
            line += [(_fit(text, cell, width), cell.below if index else cell.style), (GAP, "")]
        yield line[:-1]


def rule(widths: Sequence[int]) -> Line:
    """The rule below a header."""
    return [(GAP.join("─" * width for width in widths), "dim")]


def hang(lines: Iterable[Line], width: int | None) -> Iterator[Line]:
    """Wrap the last piece of each line to ``width`` columns, below its own beginning."""
    for line in lines:
        if width is None or sum(cell_len(text) for text, _ in line) <= width:
            yield line
            continue
        *before, (padded, style) = line
        text = padded.lstrip(" ")
        before.append((padded[: len(padded) - len(text)], ""))
        start = sum(cell_len(piece) for piece, _ in before)
        indent = start
        if width - start < _LEAST_WRAP:  # a long name leaves no room: the text goes below it
            yield before
            indent, before = 4, [(" " * 4, "")]
        first, *others = wrapped(text, width - indent)
        yield [*before, (first, style)]
        yield from ([(" " * indent, ""), (other, style)] for other in others)


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text, wrapped between words."""
    if cell_len(text) <= width:
        return [text]
    extra = cell_len(text) - len(text)  # characters that take two columns
    # names of layers have hyphens, and a broken name cannot be searched or copied
    return wrap(text, max(width - extra, _LEAST_WRAP), break_on_hyphens=False) or [""]


def cut_name(name: str, width: int) -> str:
    """A name with ``…`` if it is wider than ``width``: in its longest word, or else in its middle.

    The numbers and ends of names tell the layers of a network apart.

    >>> cut_name("Decoder-Stage-2-DepthConcatenation", 26), cut_name("Encoder-Stage-1-Conv-2", 15)
    ('Decoder-Stage-2-Dept…ation', 'Encoder…-Conv-2')
    """
    excess = cell_len(name) + 1 - width
    if excess <= 1 or width < 2:
        return name
    word = max(re.finditer("[A-Za-z]*", name), key=lambda found: len(found[0]))
    if len(word[0]) >= excess + 4:  # two letters on both sides
        keep = len(word[0]) - excess
        return f"{name[: word.start() + keep // 2]}…{name[word.end() - (keep + 1) // 2 :]}"
    tail = ""
    for character in reversed(name):
        # a Chinese character takes two columns
        if cell_len(tail + character) > (width - 1) // 2:
            break
        tail = character + tail
    return f"{set_cell_size(name, width - 1 - cell_len(tail))}…{tail}"


def _wrapped_lines(cell: Cell, width: int) -> Sequence[str]:
    if not cell.wraps or width < _LEAST_WRAP:
        return cell.lines
    return [part for line in cell.lines for part in wrapped(line, width)]


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
