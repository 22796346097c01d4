"""An explanation in words, and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from layergraph.analyze.size_text import plain_size
from layergraph.analyze.table.grid import GAP, STYLES, Line
from layergraph.wording import visible

if TYPE_CHECKING:
    from layergraph.analyze.explanation.trace import ExplainedLayer, SizeTrace
    from layergraph.layers.arithmetic import Step

_LABEL = 14


def lines(explanation: SizeTrace) -> Iterator[Line]:
    """The layers in order, then the rules that their arithmetic follows."""
    place = explanation.name
    if explanation.port not in ("", "out"):
        place = f"{place}/{explanation.port}"
    mended = ", once the error below is mended" if explanation.has_errors and explanation.size else ""
    yield [(f"SIZE OF {visible(place)}: {plain_size(explanation.size)}{mended}", "bold")]
    if explanation.left_out:
        yield []
        yield [(f"(after {explanation.left_out:,} layers that are left out)", "dim")]
    width = min(max(len(visible(layer.name)) for layer in explanation.layers), 40)
    sizes = max(len(plain_size(layer.size)) for layer in explanation.layers)
    branch = ""
    for layer in explanation.layers:
        if layer.branch != branch:
            branch = layer.branch
            yield []
            yield [(f"To input {branch}" if branch else "Together", "bold")]
        below = list(_below(layer))
        if below or layer is explanation.layers[0]:
            yield []
        what = "keeps the size" if layer.keeps_size else ""
        text = visible(layer.description) + (f", {what}" if what else "")
        yield [
            (f"{visible(layer.name):<{width}}{GAP}", "bold"),
            (f"{plain_size(layer.size):<{sizes}}{GAP}", "cyan"),
            (text, "dim"),
        ]
        yield from below
    yield from _formula_lines(explanation)


def merged(layer: ExplainedLayer) -> list[tuple[str, str]]:
    """The arithmetic of a layer as names and texts; dimensions with the same are named together."""
    if layer.keeps_size or not layer.inputs:
        return []
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for what, step in layer.steps:
        groups.setdefault(tuple(_texts(step)), []).append(what)
    found = []
    for texts, names in groups.items():
        found += [(name or ", ".join(names), text) for name, text in texts]
    return found


def sight(layer: ExplainedLayer) -> list[str]:
    """The receptive field in words, dimensions with the same together."""
    groups: dict[tuple[str, float], list[str]] = {}
    for dimension, text, _, stride in layer.sees:
        groups.setdefault((text, stride), []).append(dimension)
    found = []
    for (text, stride), dimensions in groups.items():
        where = "" if len(groups) == 1 else f" ({', '.join(dimensions)})"
        found.append(f"{text} pixels of the image, {stride:g} apart{where}")
    return found


def _texts(step: Step) -> Iterator[tuple[str, str]]:
    for name, first in step.first:
        yield name, first.text
    yield "", step.text


def _below(layer: ExplainedLayer) -> Iterator[Line]:
    """What stands below the line of a layer."""
    rows = []
    if len(layer.inputs) > 1 or not all(source for _, source, _ in layer.inputs):
        rows += [
            (port, f"{plain_size(size)} from {visible(source)}" if source else "not connected")
            for port, source, size in layer.inputs
        ]
    rows += merged(layer)
    if layer.learnables:
        rows.append(("learnables", layer.learnables))
    rows += [("sees", text) for text in sight(layer)]
    for label, text in rows:
        yield [(f"  {label:<{_LABEL}}{GAP}", "dim"), (text, "")]
    for issue in layer.issues:
        yield [
            (f"  {'error':<{_LABEL}}{GAP}", STYLES["error"]),
            (f"{visible(issue.message)} [{issue.code}]", ""),
        ]


def _formula_lines(explanation: SizeTrace) -> Iterator[Line]:
    formulas = explanation.formulas
    if not formulas:
        return
    yield []
    yield [("Rules", "bold")]
    width = max(len(formula.name) for formula in formulas)
    texts = max(len(formula.text) for formula in formulas)
    for formula in formulas:
        yield [
            (f"  {formula.name:<{width}}{GAP}", "dim"),
            (f"{formula.text:<{texts}}{GAP}", ""),
            (formula.symbols, "dim"),
        ]
    for source in dict.fromkeys(formula.source for formula in formulas if formula.source):
        yield [(f"  {source}", "dim")]


def as_dict(explanation: SizeTrace) -> dict[str, Any]:
    """Everything, with stable keys."""
    return {
        "name": explanation.name,
        "port": explanation.port,
        "size": _numbers(explanation.size),
        "left_out": explanation.left_out,
        "layers": [_layer(layer) for layer in explanation.layers],
        "formulas": [formula._asdict() for formula in explanation.formulas],
    }


def _layer(layer: ExplainedLayer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "type": layer.type,
        "description": layer.description,
        "port": layer.port,
        "size": _numbers(layer.size),
        "assumed": layer.assumed,
        "keeps_size": layer.keeps_size,
        "branch": layer.branch,
        "inputs": [
            {"port": port, "source": source, "size": _numbers(size)} for port, source, size in layer.inputs
        ],
        "steps": [_step(what, step) for what, step in layer.steps],
        "learnables": layer.learnables,
        "sees": [sees._asdict() for sees in layer.sees],
        "issues": [issue.to_dict() for issue in layer.issues],
    }


def _step(what: str, step: Step) -> dict[str, Any]:
    return {
        "what": what,
        "expression": step.expression,
        "result": step.result,
        "note": step.note,
        "formula": step.formula.name if step.formula else "",
        "first": [_step(name, first) for name, first in step.first],
    }


def _numbers(size: Any) -> list[int] | None:
    return None if size is None else list(size.shape)
