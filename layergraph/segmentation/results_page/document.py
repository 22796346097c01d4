"""The page of an evaluation.

It is safe by construction, as all pages are: the texts are in one block of JSON, which no name can end, and
the program writes them as text only; a Content-Security-Policy lets nothing else run or load.
"""

from __future__ import annotations

from pathlib import Path

from layergraph.json_text import data_block
from layergraph.pages.frame import content_policy, palette, templates
from layergraph.segmentation.evaluation.metric_values import MetricValues
from layergraph.segmentation.results_page.payload import payload
from layergraph.wording import visible

_HERE = Path(__file__).parent


def page(metrics: MetricValues, title: str) -> str:
    """The whole page."""
    from markupsafe import Markup

    style, text = palette() + (_HERE / "results.css").read_text("utf-8"), program()
    return (
        templates(_HERE)
        .get_template("results.html")
        .render(
            title=visible(title),
            policy=content_policy(text, style, "img-src data:"),
            style=Markup(style),
            program=Markup(text),
            data=Markup(data_block(payload(metrics))),
        )
    )


def program() -> str:
    """The page's program as one text."""
    return "\n".join(
        (_HERE / name).read_text("utf-8") for name in ("tables.js", "matrix.js", "worst.js", "main.js")
    )
