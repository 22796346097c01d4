"""Write an analysis as HTML: the page with its program and data, and the plain fragment.

The page is safe by construction. All texts of the network are in one block of JSON, which no name can end;
the program writes them as text only; and a Content-Security-Policy, with the hashes of the program and style
in the file, lets nothing else run or load.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from layergraph.analyze.kind_colors import COLORS
from layergraph.analyze.page.payload import payload
from layergraph.analyze.table.analysis_table import row_cells, title, totals, worst_severities
from layergraph.json_text import data_block
from layergraph.pages.frame import content_policy, palette, templates
from layergraph.wording import visible

if TYPE_CHECKING:
    from layergraph.analyze.result import AnalysisResult

_HERE = Path(__file__).parent
# the files of the program; the last one starts it
_PROGRAM = (
    *("model.js", "arrangement.js", "layout.js", "routing.js"),
    *("shapes.js", "viewport.js", "gestures.js", "graph.js"),
    *("columns.js", "cells.js", "rows.js", "table.js"),
    *(
        "details.js",
        "folding.js",
        "selection.js",
        "address.js",
        "keys.js",
        "panels.js",
        "controls.js",
        "main.js",
    ),
)


def page(analysis: AnalysisResult) -> str:
    """A whole HTML page with graph, table and findings; it loads nothing."""
    from markupsafe import Markup

    # the policy has the hashes of these texts, so the template must insert them unchanged
    text, style = _whole_program(), _style()
    return (
        templates(_HERE)
        .get_template("page.html")
        .render(
            title=title(analysis),
            policy=content_policy(text, style),
            style=Markup(style),
            program=Markup(text),
            # without a hash in the policy: a block of JSON is not run
            data=Markup(data_block(payload(analysis))),
        )
    )


def fragment(analysis: AnalysisResult) -> str:
    """The result alone, without a program, to be part of another page."""
    severities = worst_severities(analysis)
    rows = []
    for info in analysis.layers:
        index, name, kind, sizes, learnables = row_cells(info)
        severity = severities.get(info.name, "")
        rows.append((index[0], name[0], name[1].strip(), kind[0], sizes, learnables, severity))
    issues = [
        (i.severity, visible(i.layer), visible(i.message), visible(i.edit), i.code) for i in analysis.issues
    ]
    return (
        templates(_HERE)
        .get_template("result.html")
        .render(title=title(analysis), totals=totals(analysis), issues=issues, rows=rows)
    )


def program() -> str:
    """The page's own program as one text, without the library that it uses."""
    return "\n".join((_HERE / name).read_text("utf-8") for name in _PROGRAM)


@cache
def _whole_program() -> str:
    # the license of dagre asks for its notice in every copy
    license_text = (_HERE / "dagre.LICENSE.txt").read_text("utf-8")
    dagre = (_HERE / "dagre.min.js").read_text("utf-8")
    return f"\n/* dagre, https://github.com/dagrejs/dagre\n\n{license_text}*/\n{dagre}\n{program()}"


@cache
def _style() -> str:
    colors = (f'[data-kind="{kind}"] {{ --kind: {color} }}' for kind, color in COLORS.items())
    return "\n".join(["", palette(), (_HERE / "page.css").read_text("utf-8"), *colors, ""])
