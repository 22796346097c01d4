"""Printed arithmetic, evaluated as it stands: what explanations say must be true."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from fractions import Fraction

from layergraph.layers.arithmetic import Step


def evaluated(expression: str) -> Fraction:
    """Printed arithmetic as a number: ``⌊(339 − 2)/2⌋ + 1`` is 169."""
    for printed, written in {"·": "*", "−": "-", "⌊": "floor(", "⌈": "ceil(", "⌋": ")", "⌉": ")"}.items():
        expression = expression.replace(printed, written)
    assert re.fullmatch(r"(?:floor|ceil|max|[0-9.,()+*/ -])+", expression), expression
    exact = re.sub(r"\d+(?:\.\d+(?:e-?\d+)?)?", lambda number: f"Fraction('{number[0]}')", expression)
    return Fraction(eval(exact, {"floor": math.floor, "ceil": math.ceil, "max": max, "Fraction": Fraction}))


def check(step: Step) -> Iterator[int]:
    """The result of a step, and of those before it, each as every form of it evaluates."""
    for _, before in step.first:
        yield from check(before)
    equation = step.text.removesuffix(f", {step.note}") if step.note else step.text
    forms = equation.split(" = ")
    assert forms[-1] == str(step.result).replace("-", "−")
    assert {evaluated(form) for form in forms} == {step.result}, step.text
    yield step.result
