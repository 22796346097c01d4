"""Ranges from which augmentation draws numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

from layergraph.data.randomness import item_generator
from layergraph.errors import ArgumentError
from layergraph.layers.arguments import length, number
from layergraph.wording import quoted

Range = tuple[float, float] | Callable[[], float]


def interval(
    owner: object, name: str, value: object, low: float = -math.inf, high: float = math.inf
) -> Range:
    """A range in normal form: a function, or two finite numbers in order, within the limits.

    >>> interval("crop", "scale", [1, 2])
    (1.0, 2.0)
    """
    if callable(value):
        return cast("Callable[[], float]", value)
    if not isinstance(value, str) and length(value) == 2:
        first, second = (number(owner, name, item, low, high) for item in cast("tuple[float, float]", value))
        if first <= second:
            return first, second
    place = owner if isinstance(owner, str) else type(owner).__name__
    raise ArgumentError(
        f"{place}: {name} must be (min, max) with min at most max, or a function that returns a number, got "
        f"{quoted(value)}"
    )


def drawn(owner: object, name: str, value: Range, low: float = -math.inf, high: float = math.inf) -> float:
    """A number from a range: uniform between two numbers, or what the function returns.

    >>> drawn("crop", "scale", (2, 2))
    2.0
    """
    if callable(value):
        return number(owner, f"the result of {name}", value(), low, high)
    # no draw from a range of one number, so that options at their defaults change no other random number
    return float(item_generator().uniform(*value) if value[0] < value[1] else value[0])
