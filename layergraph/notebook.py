"""Tables in a notebook, which look alike in JupyterLab, VS Code and web pages, light or dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

# a notebook gives tables a fixed layout, in which long cells overlap, and cuts what is too wide
_BOX = "overflow:auto;max-height:36em;margin:0.4em 0"
_TABLE = "table-layout:auto;width:auto;border-collapse:collapse;margin:0;font-size:13px"
_CELL = "vertical-align:top;padding:3px 10px;line-height:1.45"
# the head stays above rows that scroll below it, and so needs a background, that of the notebook
_HEAD = (
    "position:sticky;top:0;white-space:nowrap;font-weight:600;"
    "background:var(--jp-layout-color0,var(--vscode-editor-background,Canvas));"
    "color:var(--jp-content-font-color1,var(--vscode-editor-foreground,CanvasText))"
)
_NUMBER = "text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums"
_MOST_ROWS = 500  # a browser is slow to show more
_WIDEST = 34  # characters of a column of text, before its lines break


def table_html(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[bool],
    *,
    total: Sequence[str] = (),
) -> str:
    """A table element in a box that scrolls; all texts are escaped, and a line break in a cell is shown.

    Args:
        titles: the head of each column.
        rows: the cells of each row; of more than 500 rows, those in the middle are left out.
        numbers: whether each column has numbers, which stand on the right.
        total: the last row, in bold.

    >>> html = table_html(["Name", "Pixels"], [["<sky>", "120"]], [False, True])
    >>> "&lt;sky&gt;" in html, html.count("<tr>")
    (True, 2)
    """
    styles = [_NUMBER if number else _text_style(rows, at) for at, number in enumerate(numbers)]

    def row(tag: str, cells: Iterable[str], extra: str = "") -> str:
        elements = (
            f'<{tag} style="{_CELL};{style}{extra}">{escape(cell).replace(chr(10), "<br>")}</{tag}>'
            for style, cell in zip(styles, cells, strict=True)
        )
        return f"<tr>{''.join(elements)}</tr>"

    body = [row("td", cells) for cells in rows[:_MOST_ROWS]]
    if len(rows) > _MOST_ROWS:
        half, hidden = _MOST_ROWS // 2, len(rows) - _MOST_ROWS
        gap = f'<tr><td colspan="{len(titles)}" style="{_CELL}">... {hidden:,} more rows ...</td></tr>'
        body = [*body[:half], gap, *(row("td", cells) for cells in rows[-half:])]
    parts = [f"<thead>{row('th', titles, f';{_HEAD}')}</thead>", "<tbody>", *body, "</tbody>"]
    if total:
        parts.append(f"<tfoot>{row('th', total, ';border-top:2px solid #8888')}</tfoot>")
    table = "\n".join(parts)
    return f'<div style="{_BOX}"><table style="{_TABLE}">\n{table}\n</table></div>\n'


def _text_style(rows: Sequence[Sequence[str]], column: int) -> str:
    lines = (line for cells in rows[:_MOST_ROWS] for line in cells[column].splitlines())
    if max(map(len, lines), default=0) <= _WIDEST:
        return "text-align:left;white-space:nowrap"
    # a word that may break anywhere takes no width, and the table would squeeze it
    return f"text-align:left;overflow-wrap:anywhere;min-width:{_WIDEST - 10}ch"


def texts_html(rows: Iterable[tuple[str, str]], title: str) -> str:
    """Labels and their texts below a title.

    >>> "<b>COSTS</b>" in texts_html([("Learnables", "17")], "COSTS")
    True
    """
    cells = "".join(
        f'<tr><td style="{_CELL};text-align:left;white-space:nowrap;opacity:.75">{escape(label)}</td>'
        f'<td style="{_CELL};text-align:left;overflow-wrap:anywhere">{escape(text)}</td></tr>'
        for label, text in rows
    )
    table = f'<table style="{_TABLE}"><tbody>{cells}</tbody></table>'
    return f'<div style="{_BOX}"><b>{escape(title)}</b>{table}</div>'
