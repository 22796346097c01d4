"""A table of layers in Markdown and HTML, where no name can become markup."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from layergraph.analyze.table.columns import COLUMNS
from layergraph.analyze.table.layer_text import cell_lines, total_texts
from layergraph.notebook import table_html
from layergraph.wording import visible

if TYPE_CHECKING:
    from layergraph.analyze.table.rows import LayerRows


def markdown_text(text: str) -> str:
    """Escape text for a cell of a Markdown table."""
    # Markdown passes HTML through; quotes are harmless outside of attributes
    text = html.escape(visible(text), quote=False)
    text = re.sub(r"([\\`*|~$])", r"\\\1", text)  # $ begins a formula on GitHub
    text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\_", text)  # inside a word it is no markup
    return re.sub(r"\](?=[(\[])", r"\]", text)  # only before ( or [ does a bracket end the text of a link


def markdown_table(table: LayerRows) -> str:
    """Header, rows, and the totals in bold."""
    columns = [COLUMNS[name] for name in table.columns]
    lines = [
        f"| {' | '.join(column.title for column in columns)} |",
        f"|{'|'.join('--:' if column.kind.number else '---' for column in columns)}|",
    ]
    # <br> between the lines of a cell: a line break would end the row
    for row in cell_lines(table):
        lines.append(f"| {' | '.join('<br>'.join(map(markdown_text, cell)) for cell in row)} |")
    if total := total_texts(table):
        lines.append(f"| {' | '.join(f'**{text}**' if text else '' for text in total)} |")
    return "\n".join(lines) + "\n"


def html_table(table: LayerRows) -> str:
    """A table element for notebooks."""
    columns = [COLUMNS[name] for name in table.columns]
    rows = [["\n".join(cell) for cell in cells] for cells in cell_lines(table)]
    numbers = [column.kind.number for column in columns]
    return table_html([column.title for column in columns], rows, numbers, total=total_texts(table))
