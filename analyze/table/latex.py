"""A table of layers for LaTeX, where no name can become a command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from layergraph.analyze.table.columns import COLUMNS
from layergraph.analyze.table.layer_text import cell_lines, total_texts
from layergraph.wording import visible

if TYPE_CHECKING:
    from layergraph.analyze.table.rows import LayerRows

# * and [ in braces: after the \\ of the row before they would be its arguments
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    # this line and the next five: LaTeX's default font encoding prints other characters for these
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    '"': r"{\char34}",
    "*": "{*}",
    "[": "{[}",
    "×": r"$\times$",
    "…": r"\ldots{}",
}


def latex_text(text: str) -> str:
    """Escape text, so that LaTeX prints it as it is.

    >>> print(latex_text("res3a_branch2a & 50%"))
    res3a\\_branch2a \\& 50\\%
    """
    escaped = "".join(_ESCAPES.get(character, character) for character in visible(text))
    return re.sub(r"([-,])(?=\1)", r"\1{}", escaped)  # a ligature would make a dash of two hyphens


def latex_table(table: LayerRows) -> str:
    """A ``longtable`` with a header on each page; a cell of several lines takes several rows."""
    columns = [COLUMNS[name] for name in table.columns]
    sides = "".join("r" if column.kind.number else "l" for column in columns)
    lines = [
        r"% needs \usepackage{booktabs,longtable}",
        rf"\begin{{longtable}}{{{sides}}}",
        r"\toprule",
        _row([column.title for column in columns]),
        r"\midrule",
        r"\endhead",
    ]
    for cells in cell_lines(table):
        # an "l" column holds no line break, so each line becomes a row
        for index in range(max(map(len, cells))):
            lines.append(_row([cell[index] if index < len(cell) else "" for cell in cells]))
    if total := total_texts(table):
        lines += [r"\midrule", _row(total)]
    lines += [r"\bottomrule", r"\end{longtable}"]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return " & ".join(map(latex_text, cells)) + r" \\"
