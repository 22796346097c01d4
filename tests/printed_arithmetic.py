"""Evaluation of printed arithmetic: the equations in explanations must be true."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction

from layergraph.layers.arithmetic import Step


def evaluate(expression: str) -> Fraction:
    """The value of printed arithmetic: ``⌊(339 − 2)/2⌋ + 1`` is 169."""
    for symbol, code in {"·": "*", "−": "-", "⌊": "floor(", "⌈": "ceil(", "⌋": ")", "⌉": ")"}.items():
        expression = expression.replace(symbol, code)
    assert re.fullmatch(r"(?:floor|ceil|max|[0-9.,()+*/ -])+", expression), expression
    exact = re.sub(r"\d+(?:\.\d+(?:e-?\d+)?)?", lambda number: f"Fraction('{number[0]}')", expression)
    return Fraction(eval(exact, {"floor": math.floor, "ceil": math.ceil, "max": max, "Fraction": Fraction}))


def check(step: Step) -> Iterator[int]:
    """Assert that all forms of a step and of those before it have one value; yield the results."""
    for _, before in step.first:
        yield from check(before)
    equation = step.text.removesuffix(f", {step.note}") if step.note else step.text
    forms = equation.split(" = ")
    assert forms[-1] == str(step.result).replace("-", "−")
    assert {evaluate(form) for form in forms} == {step.result}, step.text
    yield step.result
