"""The analysis as a self-contained page, and as the fragment that notebooks show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from layergraph.analyze.table import cells, title, totals_of
from layergraph.analyze.wording import visible
from layergraph.errors import LayergraphError

if TYPE_CHECKING:
    from jinja2 import Environment

    from layergraph.analyze.analysis import NetworkAnalysis

_MOST_DRAWN = 400  # layers; a larger drawing cannot be read


def page(analysis: NetworkAnalysis) -> str:
    """A whole HTML page, drawing included."""
    return _rendered("page.html", analysis, drawing=_drawing(analysis))


def fragment(analysis: NetworkAnalysis) -> str:
    """The result alone, to stand in another page."""
    return _rendered("result.html", analysis, drawing="")


def _rendered(template: str, analysis: NetworkAnalysis, drawing: str) -> str:
    from markupsafe import Markup

    flawed = {issue.layer: issue.severity for issue in reversed(analysis.issues)}
    rows = []
    for info in analysis.layers:
        index, name, kind, sizes, learnables = cells(info)
        flaw = flawed.get(info.name, "")
        rows.append((index[0], name[0], name[1].strip(), kind[0], sizes, learnables, flaw))
    return (
        templates(Path(__file__).parent)
        .get_template(template)
        .render(
            title=title(analysis),
            date=f"{analysis.analysis_date:%Y-%m-%d %H:%M}",
            totals=totals_of(analysis),
            issues=[(i.severity, visible(i.layer), visible(i.message), i.code) for i in analysis.issues],
            rows=rows,
            drawing=Markup(drawing),
        )
    )


def templates(folder: Path) -> Environment:
    """The page templates of a folder; what they are given is escaped."""
    # imported here: jinja2 costs 20 ms
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _drawing(analysis: NetworkAnalysis) -> str:
    """The diagram as SVG to stand in HTML; empty where it cannot be drawn or read."""
    if not 0 < analysis.num_layers <= _MOST_DRAWN:
        return ""
    from layergraph.analyze.diagram import plot

    try:
        svg = plot(analysis.lgraph).to_svg()
    except LayergraphError:
        return ""
    return re.sub(r"^.*?(?=<svg)", "", svg, count=1, flags=re.DOTALL)
