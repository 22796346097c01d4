"""Checks of layer arguments: each returns the value in one normal form, or says what is wrong.

The first parameter is the layer (or the name of a builder) that asks, for the message.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from operator import index
from typing import Any, Literal, SupportsIndex, cast, get_args

from layergraph.errors import ArgumentError
from layergraph.sizes import MAX_SIZE

Numbers = int | Sequence[int]
Padding = int | Sequence[int] | Sequence[Sequence[int]] | Literal["same"]
InitializerName = Literal["glorot", "he", "orthogonal", "narrow-normal", "bilinear", "zeros", "ones"]
Initializer = InitializerName | Callable[[tuple[int, ...]], Any]

"""No tensor has a larger dimension; what is larger comes from a damaged or hostile file."""

MOST_PORTS = 4096
"""Ports have names, so their number must stay one that fits into memory."""

_MOST_REPEATED = 2**20

_DIRECTIONS = {2: "(top, bottom, left, right)", 3: "((top, left, front), (bottom, right, back))"}


def whole(layer: object, argument: str, value: object, minimum: int = 1, maximum: int = MAX_SIZE) -> int:
    """A whole number of at least ``minimum``."""
    found = _as_whole(value, minimum)
    if found is not None and found <= maximum:
        return found
    limits = f"of at least {minimum}" if maximum == MAX_SIZE else f"from {minimum} to {maximum}"
    raise _wrong(layer, argument, f"a whole number {limits}", value)


def number(
    layer: object, argument: str, value: object, low: float = -math.inf, high: float = math.inf
) -> float:
    """A finite number from ``low`` to ``high``."""
    found = _as_finite(value)
    if found is not None and low <= found <= high:
        return found
    limits = f" of at least {low:g}" if high == math.inf else f" from {low:g} to {high:g}"
    raise _wrong(layer, argument, f"a finite number{limits * (low > -math.inf)}", value)


def choice(layer: object, argument: str, value: object, choices: Sequence[str], or_else: str = "") -> str:
    """One of a few words; ``or_else`` says what else the caller takes."""
    if isinstance(value, str) and value in choices:
        return value
    *words, last = [*map(repr, choices), *[or_else] * bool(or_else)]
    raise _wrong(layer, argument, f"{', '.join(words)} or {last}" if words else last, value)


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
    found = _all_whole(items, minimum)
    if found is not None and len(found) == rank:
        return found
    raise _wrong(layer, argument, f"a whole number of at least {minimum}, or {rank} of them", value)


def margins(
    layer: object, argument: str, value: object, rank: int
) -> tuple[int, ...] | tuple[tuple[int, ...], ...] | Literal["same"]:
    """Padding or cropping in MATLAB's form: ``"same"``, (top, bottom, left, right) of an image, or
    ((top, left, front), (bottom, right, back)) of a volume."""
    if isinstance(value, str) and value == "same":
        return "same"
    items = _items(value)
    numbers = _all_whole((value,) * rank if items is None else items, 0)
    if numbers is not None and len(numbers) == rank:
        return (numbers[0], numbers[0], numbers[1], numbers[1]) if rank == 2 else (numbers, numbers)
    if rank == 2 and numbers is not None and len(numbers) == 4:
        return numbers
    if rank == 3 and items is not None and len(items) == 2:
        rows = [_all_whole(_items(row) or (), 0) for row in items]
        found = tuple(row for row in rows if row is not None and len(row) == 3)
        if len(found) == 2:
            return found
    raise _wrong(layer, argument, f"'same', a number, {rank} numbers or {_DIRECTIONS[rank]}", value)


def pairs(value: object) -> tuple[tuple[int, int], ...]:
    """Normal margins as (before, after) for each dimension."""
    numbers = cast(tuple[Any, ...], value)
    if len(numbers) == 4:
        return ((numbers[0], numbers[1]), (numbers[2], numbers[3]))
    return tuple(zip(*numbers, strict=True))


def channels(layer: object, argument: str, value: object) -> int | Literal["auto"]:
    """A whole number, or ``"auto"`` for what the input has."""
    if isinstance(value, str):
        choice(layer, argument, value, ("auto",), or_else="a whole number of at least 1")
        return "auto"
    return whole(layer, argument, value)


def initializer(layer: object, argument: str, value: object) -> Initializer:
    """A known initializer's name, or a function of the weight's shape."""
    if callable(value):
        return cast(Initializer, value)
    return cast(InitializerName, choice(layer, argument, value, get_args(InitializerName)))


def image_numbers(layer: object, argument: str, value: object, rank: int) -> tuple[int, ...]:
    """The size of an image or volume with its channels; without them, one channel."""
    items = _items(value)
    numbers = None if items is None else _all_whole(items, 1)
    if numbers is not None and len(numbers) in (rank, rank + 1):
        return numbers if len(numbers) == rank + 1 else (*numbers, 1)
    form = "(height, width, channels)" if rank == 2 else "(height, width, depth, channels)"
    raise _wrong(layer, argument, f"{form} in whole numbers of at least 1", value)


def per_channel(
    layer: object, argument: str, value: object, count: int, each: str = "channel"
) -> tuple[float, ...] | None:
    """A finite number for each channel; a single one serves for all; ``None`` stays ``None``."""
    if value is None:
        return None
    items = _items(value)
    single = _as_finite(value)
    if single is not None and count <= _MOST_REPEATED:
        return (single,) * count
    numbers = [found for item in items or () if (found := _as_finite(item)) is not None]
    if len(numbers) == len(items or ()) == count:
        return tuple(numbers)
    raise _wrong(layer, argument, f"a finite number, or {count} of them (one per {each})", value)


def _items(value: object) -> tuple[Any, ...] | None:
    """The items of a sequence or array; ``None`` for anything else."""
    if hasattr(value, "tolist"):  # numpy and torch
        value = value.tolist()
    return tuple(value) if isinstance(value, (list, tuple, range)) else None


def _as_whole(value: object, minimum: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        return None
    try:
        found = index(value)
    except TypeError:  # an array of several numbers
        return None
    return found if minimum <= found <= MAX_SIZE else None


def _all_whole(items: Sequence[object], minimum: int) -> tuple[int, ...] | None:
    numbers = [_as_whole(item, minimum) for item in items]
    return tuple(n for n in numbers if n is not None) if None not in numbers else None


def _as_finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        found = float(value)
    except OverflowError:  # a whole number beyond 1e308
        return None
    return found + 0.0 if math.isfinite(found) else None  # -0.0 becomes 0.0: equal layers, equal files


def _wrong(layer: object, argument: str, expected: str, value: object) -> ArgumentError:
    owner = layer if isinstance(layer, str) else type(layer).__name__
    if "whole" in expected and any(
        isinstance(item, int) and item > MAX_SIZE for item in (value, *(_items(value) or ()))
    ):
        expected += ", below 2^63"
    try:
        shown = repr(value)[:100]
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        shown = f"a value too long to show, of type {type(value).__name__}"
    return ArgumentError(f"{owner}: {argument} must be {expected}, got {shown}")
