"""An analysis as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from layergraph.analyze.size_text import learnables_text
from layergraph.analyze.table.analysis_table import title, totals
from layergraph.analyze.table.cells import BLANK, activation_texts
from layergraph.analyze.table.columns import COLUMNS
from layergraph.analyze.table.markup import markdown_text
from layergraph.json_text import json_text

if TYPE_CHECKING:
    from layergraph.analyze.result import AnalysisResult
    from layergraph.analyze.table.rows import LayerRows
    from layergraph.issues import Issue

LAYER_COLUMNS = (
    "index",
    "name",
    "type",
    "description",
    "activations",
    "learnables",
    "num_learnables",
    "states",
)


def analysis_json(analysis: AnalysisResult, layers: list[dict[str, Any]], indent: int | None) -> str:
    """An analysis as JSON; ``layers`` are the records of its layers."""
    # without the date, so that equal networks give equal text
    content = {
        "name": analysis.name,
        "total_learnables": analysis.total_learnables,
        "input_names": list(analysis.input_names),
        "output_names": list(analysis.output_names),
        "num_connections": analysis.num_connections,
        "layers": layers,
        "issues": [_issue_record(issue) for issue in analysis.issues],
    }
    return json_text(content, indent)


def csv_text(table: LayerRows) -> str:
    """A header with the names of the columns, then one line per row."""
    kinds = [COLUMNS[name].kind for name in table.columns]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")  # "\r\n" would become "\r\r\n" on Windows
    # names, not titles: programs look columns up, and the index has no title
    writer.writerow(table.columns)
    for row in table.rows:
        values = zip(kinds, row.values, strict=True)
        writer.writerow(
            _escape_formula(kind.plain(value)) if value != BLANK else "" for kind, value in values
        )
    return file.getvalue()


def analysis_markdown(analysis: AnalysisResult) -> str:
    """Title, totals, issues and table of an analysis."""
    lines = [f"# {markdown_text(title(analysis))}", ""]
    lines += [f"- {label}: {value}" for label, value in totals(analysis)]
    if analysis.issues:
        lines += ["", "| Severity | Layer | Issue | Code |", "|---|---|---|---|"]
        for issue in analysis.issues:
            cells = (issue.severity, issue.layer, issue.message, issue.code)
            lines.append(f"| {' | '.join(map(markdown_text, cells))} |")
    lines += ["", "| | Name | Type | Activations | Learnable Properties |", "|--:|---|---|---|---|"]
    for row in analysis.layers:
        name = f"**{markdown_text(row.name)}**<br>{markdown_text(row.description)}"
        activations = "<br>".join(map(markdown_text, activation_texts(row.activations)))
        learnables = "<br>".join(map(markdown_text, learnables_text(row.learnables)))
        lines.append(f"| {row.index} | {name} | {markdown_text(row.type)} | {activations} | {learnables} |")
    return "\n".join(lines) + "\n"


def _issue_record(issue: Issue) -> dict[str, Any]:
    # named one by one: the keys of JSON stay as they are when an issue gets another field
    keys = ("severity", "layer", "port", "code", "message", "text", "advice", "edit", "others")
    values = issue.to_dict()
    return {key: values[key] for key in keys}


def _escape_formula(value: str | int) -> str | int:
    """Put an apostrophe before a text that a spreadsheet would run as a formula."""
    # numbers stay numbers: a negative one would otherwise become text
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@"))
    return f"'{value}" if is_formula else value
