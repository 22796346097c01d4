"""An explanation as lines of text, and as a dictionary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from layergraph.analyze.size_text import plain_size
from layergraph.analyze.table.text_columns import GAP, STYLES, Line
from layergraph.wording import counted, visible

if TYPE_CHECKING:
    from layergraph.analyze.explanation.trace import ExplainedLayer, SizeTrace
    from layergraph.layers.arithmetic import Step

# the width of "receptive field"; a longer label only shifts its own text
_LABEL = 15


def lines(explanation: SizeTrace) -> Iterator[Line]:
    """The layers in order, then the formulas of their arithmetic."""
    output = explanation.name
    if explanation.port not in ("", "out"):
        output = f"{output}/{explanation.port}"
    # a size that is known in spite of errors is that of a fixed network
    condition = " once the error below is fixed" if explanation.has_errors and explanation.size else ""
    yield [(f"SIZE OF {visible(output)}: {plain_size(explanation.size)}{condition}", "bold")]
    if explanation.left_out:
        yield []
        yield [(f"({counted(explanation.left_out, 'layer')} upstream not shown)", "dim")]
    width = min(max(len(visible(layer.name)) for layer in explanation.layers), 40)
    sizes = max(len(plain_size(layer.size)) for layer in explanation.layers)
    branch = ""
    for layer in explanation.layers:
        if layer.branch != branch:
            branch = layer.branch
            yield []
            yield [(f"To input {branch}" if branch else "All inputs", "bold")]
        # a blank line before each layer with details; ReLU and the like follow without one
        details = list(_detail_lines(layer))
        if details or layer is explanation.layers[0]:
            yield []
        text = visible(layer.description) + (", keeps the size" if layer.keeps_size else "")
        yield [
            (f"{visible(layer.name):<{width}}{GAP}", "bold"),
            (f"{plain_size(layer.size):<{sizes}}{GAP}", "cyan"),
            (text, "dim"),
        ]
        yield from details
    yield from _formula_lines(explanation)


def _arithmetic(layer: ExplainedLayer) -> Iterator[tuple[str, str]]:
    """The arithmetic of a layer as labels and texts; dimensions with equal texts share one label."""
    # the size of an input layer is an argument, and "keeps the size" needs no arithmetic
    if layer.keeps_size or not layer.inputs:
        return
    # for square images and windows, height and width have the same arithmetic
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for dimension, step in layer.steps:
        groups.setdefault(tuple(_texts(step)), []).append(dimension)
    for texts, dimensions in groups.items():
        # a step without a name is the size itself, and goes by the names of its dimensions
        yield from ((name or ", ".join(dimensions), text) for name, text in texts)


def _receptive_field(layer: ExplainedLayer) -> Iterator[str]:
    """The receptive field in words; dimensions with equal texts share one line."""
    groups: dict[tuple[str, float], list[str]] = {}
    for dimension, text, _, stride in layer.receptive_field:
        groups.setdefault((text, stride), []).append(dimension)
    for (text, stride), dimensions in groups.items():
        names = "" if len(groups) == 1 else f" ({', '.join(dimensions)})"
        yield f"{text} pixels, stride {stride:g}{names}"


def _texts(step: Step) -> Iterator[tuple[str, str]]:
    for name, first in step.first:
        yield name, first.text
    yield "", step.text


def _detail_lines(layer: ExplainedLayer) -> Iterator[Line]:
    """The lines below that of a layer: inputs, arithmetic, learnables, receptive field, errors."""
    rows = []
    # a single input needs no line: as a rule it is the layer shown above
    if len(layer.inputs) > 1 or not all(source for _, source, _ in layer.inputs):
        rows += [
            (port, f"{plain_size(size)} from {visible(source)}" if source else "not connected")
            for port, source, size in layer.inputs
        ]
    rows += _arithmetic(layer)
    if layer.learnables:
        rows.append(("learnables", layer.learnables))
    rows += [("receptive field", text) for text in _receptive_field(layer)]
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
    # several formulas cite the same paper, which is listed once
    for source in dict.fromkeys(formula.source for formula in formulas if formula.source):
        yield [(f"  {source}", "dim")]


def as_dict(explanation: SizeTrace) -> dict[str, Any]:
    """The whole explanation, with stable keys."""
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
        "steps": [_step(dimension, step) for dimension, step in layer.steps],
        "learnables": layer.learnables,
        "receptive_field": [step._asdict() for step in layer.receptive_field],
        "issues": [issue.to_dict() for issue in layer.issues],
    }


def _step(dimension: str, step: Step) -> dict[str, Any]:
    return {
        "dimension": dimension,
        "expression": step.expression,
        "result": step.result,
        "note": step.note,
        "formula": step.formula.name if step.formula else "",
        "first": [_step(name, first) for name, first in step.first],
    }


def _numbers(size: Any) -> list[int] | None:
    return None if size is None else list(size.shape)
