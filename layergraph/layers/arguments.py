"""Checks of layer arguments: each returns the value in one normal form, or says what is wrong.

The first parameter is the layer (or the name of a builder) that asks, for the message.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, Literal, cast, get_args

from layergraph.errors import LayerArgumentError

Numbers = int | Sequence[int]
Padding = int | Sequence[int] | Sequence[Sequence[int]] | Literal["same"]
InitializerName = Literal["glorot", "he", "orthogonal", "narrow-normal", "zeros", "ones"]
Initializer = InitializerName | Callable[[tuple[int, ...]], Any]

_DIRECTIONS = {2: "(top, bottom, left, right)", 3: "((top, left, front), (bottom, right, back))"}


def whole(layer: object, argument: str, value: object, minimum: int = 1) -> int:
    """A whole number of at least ``minimum``."""
    if isinstance(value, Integral) and not isinstance(value, bool) and value >= minimum:
        return int(value)
    raise _wrong(layer, argument, f"a whole number of at least {minimum}", value)


def number(
    layer: object, argument: str, value: object, low: float = -math.inf, high: float = math.inf
) -> float:
    """A finite number from ``low`` to ``high``."""
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        found = float(value)
        if low <= found <= high:
            return found
    limits = "" if (low, high) == (-math.inf, math.inf) else f" from {low:g} to {high:g}"
    raise _wrong(layer, argument, f"a finite number{limits}", value)


def choice(layer: object, argument: str, value: object, choices: Sequence[str]) -> str:
    """One of a few words."""
    if isinstance(value, str) and value in choices:
        return value
    raise _wrong(layer, argument, " or ".join(map(repr, choices)), value)


def flag(layer: object, argument: str, value: object) -> bool:
    """True or False."""
    if isinstance(value, bool):
        return value
    raise _wrong(layer, argument, "True or False", value)


def per_dimension(
    layer: object, argument: str, value: object, rank: int, minimum: int = 1
) -> tuple[int, ...]:
    """A whole number for each spatial dimension; a single one serves for all."""
    items = _items(value)
    if items is None:
        items = (value,) * rank
    if len(items) == rank and all(_is_whole(item, minimum) for item in items):
        return tuple(int(item) for item in items)
    raise _wrong(layer, argument, f"a whole number of at least {minimum}, or {rank} of them", value)


def margins(
    layer: object, argument: str, value: object, rank: int
) -> tuple[int, ...] | tuple[tuple[int, ...], ...] | Literal["same"]:
    """Padding or cropping in MATLAB's form: ``"same"``, (top, bottom, left, right) of an image, or
    ((top, left, front), (bottom, right, back)) of a volume."""
    if isinstance(value, str) and value == "same":
        return "same"
    items = _items(value)
    if items is None and _is_whole(value, 0):
        items = (value,) * rank
    if items is not None and len(items) == rank and all(_is_whole(item, 0) for item in items):
        each = tuple(int(item) for item in items)
        return (each[0], each[0], each[1], each[1]) if rank == 2 else (each, each)
    if rank == 2 and items is not None and len(items) == 4 and all(_is_whole(i, 0) for i in items):
        return tuple(int(item) for item in items)
    if rank == 3 and items is not None and len(items) == 2:
        rows = [_items(row) for row in items]
        if all(row is not None and len(row) == 3 and all(_is_whole(i, 0) for i in row) for row in rows):
            return tuple(tuple(int(i) for i in cast(Sequence[Any], row)) for row in rows)
    raise _wrong(layer, argument, f"'same', a number, {rank} numbers or {_DIRECTIONS[rank]}", value)


def pairs(value: object) -> tuple[tuple[int, int], ...]:
    """Normal margins as (before, after) for each dimension."""
    numbers = cast(tuple[Any, ...], value)
    if len(numbers) == 4:
        return ((numbers[0], numbers[1]), (numbers[2], numbers[3]))
    return tuple(zip(*numbers, strict=True))


def channels(layer: object, argument: str, value: object) -> int | Literal["auto"]:
    """A whole number, or ``"auto"`` for what the input has."""
    return "auto" if isinstance(value, str) and value == "auto" else whole(layer, argument, value)


def initializer(layer: object, argument: str, value: object) -> Initializer:
    """A known initializer's name, or a function of the weight's shape."""
    if callable(value):
        return cast(Initializer, value)
    return cast(InitializerName, choice(layer, argument, value, get_args(InitializerName)))


def image_numbers(layer: object, argument: str, value: object, rank: int) -> tuple[int, ...]:
    """The size of an image or volume with its channels; without them, one channel."""
    items = _items(value)
    if items is not None and len(items) in (rank, rank + 1) and all(_is_whole(item, 1) for item in items):
        numbers = tuple(int(item) for item in items)
        return numbers if len(numbers) == rank + 1 else (*numbers, 1)
    form = "(height, width, channels)" if rank == 2 else "(height, width, depth, channels)"
    raise _wrong(layer, argument, f"{form} in whole numbers of at least 1", value)


def per_channel(layer: object, argument: str, value: object, count: int) -> tuple[float, ...] | None:
    """A finite number for each channel; a single one serves for all; ``None`` stays ``None``."""
    if value is None:
        return None
    items = _items(value)
    if items is None:
        items = (value,) * count
    if len(items) == count and all(isinstance(i, Real) and math.isfinite(i) for i in items):
        return tuple(float(i) for i in items)
    raise _wrong(layer, argument, f"a finite number, or {count} of them (one a channel)", value)


def _items(value: object) -> tuple[Any, ...] | None:
    """The items of a sequence or array; ``None`` for anything else."""
    if hasattr(value, "tolist"):  # numpy and torch
        value = value.tolist()
    return tuple(value) if isinstance(value, (list, tuple, range)) else None


def _is_whole(value: object, minimum: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= minimum


def _wrong(layer: object, argument: str, expected: str, value: object) -> LayerArgumentError:
    owner = layer if isinstance(layer, str) else type(layer).__name__
    return LayerArgumentError(f"{owner}: {argument} is {expected}, got {value!r:.100}")
