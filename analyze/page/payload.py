"""The data of the page: layers, connections, blocks, findings and totals, ready to be shown.

Layers are numbered from 0 in the analyzer's order, and all other data refers to these numbers. Each text
is on one line, with escapes for characters that do not print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from layergraph.analyze.blocks import blocks
from layergraph.analyze.size_text import plain_size, size_text
from layergraph.wording import byte_count, short_count, times, visible

if TYPE_CHECKING:
    from layergraph.analyze.costs.costs import LayerCosts
    from layergraph.analyze.result import AnalysisResult, LayerInfo
    from layergraph.issues import Issue
    from layergraph.layers.layer import Layer

_LONGEST_CALL = 2000  # characters of the call that makes a layer


def payload(analysis: AnalysisResult) -> dict[str, Any]:
    """An analysis as numbers and texts for JSON."""
    # numbers are shorter than names, and a page has two for each connection
    number = {name: index for index, name in enumerate(analysis.lgraph.order)}
    costs = analysis.costs().layers
    return {
        "name": visible(analysis.name),
        "date": f"{analysis.analysis_date:%Y-%m-%d %H:%M}",
        "totals": _totals(analysis),
        "layers": [_layer(analysis.lgraph[row.name], row, costs[row.name]) for row in analysis.layers],
        "links": _links(analysis, number),
        "blocks": [
            {"name": visible(block.name), "layers": [number[name] for name in block.layers]}
            for block in blocks(analysis.lgraph)
        ],
        "issues": [_issue(issue, number) for issue in analysis.issues],
    }


def _totals(analysis: AnalysisResult) -> list[list[str]]:
    """For each total its label, its short form and its exact value; costs are those of one observation."""
    costs = analysis.costs()
    known, adds = analysis.known_learnables, costs.multiply_adds
    at_least = "≥ " if analysis.total_learnables is None else ""
    # an exact value of a count without a short form would repeat it, so it is empty
    rows = [
        ["Learnables", f"{at_least}{short_count(known)}", f"{known:,}"],
        ["Layers", f"{analysis.num_layers:,}", ""],
        ["Connections", f"{analysis.num_connections:,}", ""],
        ["Multiply-adds", f"{'' if costs.complete else '≥ '}{short_count(adds)}", f"{adds:,}"],
    ]
    if costs.inference_peak is not None:
        num_bytes, layer = costs.inference_peak
        exact = f"{num_bytes:,} bytes of activations at once, at {visible(layer)}"
        rows.append(["Peak in inference", byte_count(num_bytes), exact])
    if costs.peak_bytes_training is not None:
        num_bytes = costs.peak_bytes_training
        exact = f"about {num_bytes:,} bytes at once: activations, gradients and weights"
        rows.append(["Peak in training", byte_count(num_bytes), exact])
    return rows


def _layer(layer: Layer, row: LayerInfo, costs: LayerCosts) -> dict[str, Any]:
    call = "\n".join(map(visible, repr(layer).splitlines()))  # the repr of a torch module has many lines
    first = row.activations[0].size
    mark = "≈ " if row.assumed else ""
    return {
        "name": visible(row.name),
        "type": visible(row.type),
        "kind": layer.kind,
        "follows": layer.is_part_of_previous,
        "description": visible(row.description),
        "note": layer.note,
        "size": f"{mark}{plain_size(first)}",
        "assumed": row.assumed,
        # the page sorts sizes by it; a size as text would sort 9×9 after 10×10
        "elements": None if first is None else prod(first.shape),
        "activations": [[port, f"{mark}{size_text(size)}"] for port, size in row.activations],
        "learnables": _shapes(row.learnables),
        "count": row.num_learnables,
        "states": _shapes(row.states),
        "inputs": list(layer.input_names),
        "costs": _costs(costs),
        "call": call if len(call) <= _LONGEST_CALL else f"{call[: _LONGEST_CALL - 1]}…",
    }


def _costs(costs: LayerCosts) -> dict[str, Any]:
    field, stride = costs.receptive_field, costs.receptive_stride
    return {
        "multiply_adds": costs.multiply_adds,
        "inference": costs.activation_bytes_inference,
        "training": costs.activation_bytes_training,
        "field": None if field is None else times(field),
        # g, because upsampling makes fractions of strides, and whole ones need no decimals
        "stride": None if stride is None else "×".join(f"{step:g}" for step in stride),
    }


def _shapes(shapes: Mapping[str, Sequence[int]] | None) -> list[list[str]] | None:
    return None if shapes is None else [[visible(name), times(shape)] for name, shape in shapes.items()]


def _links(analysis: AnalysisResult, number: Mapping[str, int]) -> list[list[Any]]:
    """Source, port, destination and port of each connection, and 1 for data or 0 for a lookup of a size."""
    links = []
    for name in analysis.lgraph.order:
        memory = analysis.lgraph[name].memory_ports
        for port, end in analysis.lgraph.sources(name).items():
            # the page draws a lookup in another way than the flow of data
            flows = int(port != "ref" and port not in memory)
            links.append([number[end.layer], end.port, number[name], port, flows])
    return links


def _issue(issue: Issue, number: Mapping[str, int]) -> dict[str, Any]:
    return {
        "code": issue.code,
        "severity": issue.severity,
        # null for an issue of the whole network
        "layer": number.get(issue.layer),
        "port": visible(issue.port),
        "text": visible(issue.text),
        "advice": visible(issue.advice),
        "edit": issue.edit,
        "others": [number[name] for name in issue.others if name in number],
    }
