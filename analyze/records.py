"""The analysis as records, JSON, CSV and Markdown."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from layergraph.analyze.table import title, totals_of
from layergraph.analyze.wording import learnables_text, size_text, visible

if TYPE_CHECKING:
    from layergraph.analyze.analysis import LayerInfo, NetworkAnalysis
    from layergraph.issues import Issue

_COLUMNS = ("index", "name", "type", "description", "activations", "learnables", "num_learnables", "states")


def records(analysis: NetworkAnalysis) -> list[dict[str, Any]]:
    """The layers as dictionaries, ready for JSON."""
    return [
        {
            "index": row.index,
            "name": row.name,
            "type": row.type,
            "description": row.description,
            "activations": [
                {
                    "port": port,
                    "size": None if size is None else list(size.numbers),
                    "format": None if size is None else size.format,
                }
                for port, size in row.activations
            ],
            "learnables": _named_sizes(row.learnables),
            "states": _named_sizes(row.states),
        }
        for row in analysis.layers
    ]


def as_json(analysis: NetworkAnalysis, indent: int | None) -> str:
    """Everything as JSON text."""
    everything = {
        "name": analysis.name,
        "total_learnables": analysis.total_learnables,
        "input_names": list(analysis.input_names),
        "output_names": list(analysis.output_names),
        "num_connections": analysis.num_connections,
        "layers": records(analysis),
        "issues": [_issue(issue) for issue in analysis.issues],
    }
    text = json.dumps(everything, ensure_ascii=False, allow_nan=False, indent=indent)
    # half a surrogate pair is no character of UTF-8; its backslash escape is also JSON's
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def as_csv(analysis: NetworkAnalysis) -> str:
    """One line a layer; several sizes in a cell are separated by ``; ``."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in analysis.layers:
        cells = [row.name, row.type, row.description, "; ".join(_activations(row))]
        learnables, states = ("; ".join(_sizes(sizes)) for sizes in (row.learnables, row.states))
        count = "" if row.num_learnables is None else row.num_learnables
        writer.writerow([row.index, *map(_harmless, [*cells, learnables]), count, _harmless(states)])
    return file.getvalue()


def as_markdown(analysis: NetworkAnalysis) -> str:
    """Title, totals, issues and table."""
    lines = [f"# {_marked(title(analysis))}", ""]
    lines += [f"- {label}: {value}" for label, value in totals_of(analysis)]
    if analysis.issues:
        lines += ["", "| Severity | Layer | Issue | Code |", "|---|---|---|---|"]
        for issue in analysis.issues:
            cells = (issue.severity, issue.layer, issue.message, issue.code)
            lines.append(f"| {' | '.join(map(_marked, cells))} |")
    lines += ["", "| | Name | Type | Activations | Learnable Properties |", "|--:|---|---|---|---|"]
    for row in analysis.layers:
        name = f"**{_marked(row.name)}**<br>{_marked(row.description)}"
        activations = "<br>".join(map(_marked, _activations(row)))
        learnables = "<br>".join(map(_marked, learnables_text(row.learnables)))
        lines.append(f"| {row.index} | {name} | {_marked(row.type)} | {activations} | {learnables} |")
    return "\n".join(lines) + "\n"


def _named_sizes(sizes: Mapping[str, Sequence[int]] | None) -> list[dict[str, Any]] | None:
    if sizes is None:
        return None
    return [{"name": name, "size": list(numbers)} for name, numbers in sizes.items()]


def _issue(issue: Issue) -> dict[str, Any]:
    keys = ("severity", "layer", "port", "code", "message", "text", "hint", "edit", "others")
    values = issue.to_dict()
    return {key: values[key] for key in keys}


def _activations(row: LayerInfo) -> list[str]:
    if len(row.activations) == 1:
        return [size_text(row.activations[0].size)]
    return [f"{port} {size_text(size)}" for port, size in row.activations]


def _sizes(sizes: Mapping[str, Sequence[int]] | None) -> list[str]:
    return learnables_text(sizes) if sizes != {} else []


def _harmless(text: str) -> str:
    """What a spreadsheet takes for a formula starts with an apostrophe."""
    text = visible(text)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _marked(text: str) -> str:
    """Text in a cell of a Markdown table, where it can become no markup."""
    text = html.escape(visible(text), quote=False)
    text = re.sub(r"([\\`*|~$])", r"\\\1", text)
    text = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\_", text)  # inside a word it is no markup
    return re.sub(r"\](?=[(\[])", r"\]", text)
