"""The analysis as records, JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from layergraph.analyze.size_text import learnables_text, size_text
from layergraph.analyze.table.cells import BLANK
from layergraph.analyze.table.columns import COLUMNS
from layergraph.analyze.table.markup import marked
from layergraph.analyze.table.table import title, totals_of
from layergraph.json_text import json_text

if TYPE_CHECKING:
    from layergraph.analyze.result import AnalysisResult, LayerInfo
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


def as_json(analysis: AnalysisResult, layers: list[dict[str, Any]], indent: int | None) -> str:
    """Everything as JSON text; ``layers`` are the records of the layers."""
    everything = {
        "name": analysis.name,
        "total_learnables": analysis.total_learnables,
        "input_names": list(analysis.input_names),
        "output_names": list(analysis.output_names),
        "num_connections": analysis.num_connections,
        "layers": layers,
        "issues": [_issue(issue) for issue in analysis.issues],
    }
    return json_text(everything, indent)


def csv_text(table: LayerRows) -> str:
    """A header with the names of the columns, then one line a row."""
    kinds = [COLUMNS[name].kind for name in table.columns]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.rows:
        values = zip(kinds, row.values, strict=True)
        writer.writerow(_harmless(kind.plain(value)) if value != BLANK else "" for kind, value in values)
    return file.getvalue()


def as_markdown(analysis: AnalysisResult) -> str:
    """Title, totals, issues and table."""
    lines = [f"# {marked(title(analysis))}", ""]
    lines += [f"- {label}: {value}" for label, value in totals_of(analysis)]
    if analysis.issues:
        lines += ["", "| Severity | Layer | Issue | Code |", "|---|---|---|---|"]
        for issue in analysis.issues:
            cells = (issue.severity, issue.layer, issue.message, issue.code)
            lines.append(f"| {' | '.join(map(marked, cells))} |")
    lines += ["", "| | Name | Type | Activations | Learnable Properties |", "|--:|---|---|---|---|"]
    for row in analysis.layers:
        name = f"**{marked(row.name)}**<br>{marked(row.description)}"
        activations = "<br>".join(map(marked, _activations(row)))
        learnables = "<br>".join(map(marked, learnables_text(row.learnables)))
        lines.append(f"| {row.index} | {name} | {marked(row.type)} | {activations} | {learnables} |")
    return "\n".join(lines) + "\n"


def _issue(issue: Issue) -> dict[str, Any]:
    keys = ("severity", "layer", "port", "code", "message", "text", "advice", "edit", "others")
    values = issue.to_dict()
    return {key: values[key] for key in keys}


def _activations(row: LayerInfo) -> list[str]:
    if len(row.activations) == 1:
        return [size_text(row.activations[0].size)]
    return [f"{port} {size_text(size)}" for port, size in row.activations]


def _harmless(value: str | int) -> str | int:
    """What a spreadsheet takes for a formula starts with an apostrophe."""
    formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@"))
    return f"'{value}" if formula else value
