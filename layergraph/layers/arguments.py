"""Checks of arguments: each returns the value in one normal form, or raises what it must be.

MATLAB scripts and computed numbers write one value in many forms: ``64 / 2`` is a float, ``numpy.int64`` is
no ``int``, statistics are arrays 1×1×channels, class weights are a column, and text is in any case. A layer
stores one form of each, so that equal layers compare equal, print alike and make equal files.

The first parameter is the layer (or the name of a function) whose argument it is, for the message.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from operator import index
from typing import Any, Literal, SupportsIndex, TypeVar, cast, get_args

from layergraph.errors import ArgumentError
from layergraph.sizes import MAX_SIZE

Numbers = int | Sequence[int]
Padding = int | Sequence[int] | Sequence[Sequence[int]] | Literal["same"]
InitializerName = Literal["glorot", "he", "orthogonal", "narrow-normal", "bilinear", "zeros", "ones"]
Initializer = InitializerName | Callable[[tuple[int, ...]], Any]

W = TypeVar("W", bound=str)

MOST_PORTS = 4096
"""Each port has a name, so a hostile number of ports would fill the memory."""

_MOST_REPEATED = 2**20  # channels for which one number is repeated; a hostile file asks for 10^12
_MOST_DIMENSIONS = 4  # of arrays whose dimensions of size 1 are dropped

_DIRECTIONS = {2: "(top, bottom, left, right)", 3: "((top, left, front), (bottom, right, back))"}


def whole(owner: object, argument: str, value: object, minimum: int = 1, maximum: int = MAX_SIZE) -> int:
    """A whole number of at least ``minimum``; a float such as ``64 / 2`` is one."""
    result = _as_whole(value, minimum)
    if result is not None and result <= maximum:
        return result
    limits = f"of at least {minimum}" if maximum == MAX_SIZE else f"from {minimum} to {maximum}"
    raise _wrong(owner, argument, f"a whole number {limits}", value)


def number(
    owner: object, argument: str, value: object, low: float = -math.inf, high: float = math.inf
) -> float:
    """A finite number from ``low`` to ``high``."""
    result = _as_finite(value)
    if result is not None and low <= result <= high:
        return result
    limits = f" of at least {low:g}" if high == math.inf else f" from {low:g} to {high:g}"
    raise _wrong(owner, argument, f"a finite number{limits * (low > -math.inf)}", value)


def choice(owner: object, argument: str, value: object, choices: Sequence[W], or_else: str = "") -> W:
    """One of a few words, in any case; ``or_else`` names the other values that the caller accepts."""
    if isinstance(value, str):
        for word in choices:
            if value.casefold() == word.casefold():
                return word
    *words, last = [*map(repr, choices), *[or_else] * bool(or_else)]
    raise _wrong(owner, argument, f"{', '.join(words)} or {last}" if words else last, value)


def flag(owner: object, argument: str, value: object) -> bool:
    """True or False; MATLAB's scripts write 1 and 0."""
    # a flag read from an array is a NumPy bool, which is no bool
    plain = _plain(value)
    if isinstance(plain, (bool, int, float)) and plain in (0, 1):
        return bool(plain)
    raise _wrong(owner, argument, "True or False", value)


def per_dimension(
    owner: object, argument: str, value: object, rank: int, minimum: int = 1
) -> tuple[int, ...]:
    """A whole number per spatial dimension; a single one is repeated."""
    # in MATLAB a number is an array of one, so [3] counts as 3
    items = _items(value)
    if items is None or len(items) == 1:
        items = (value if items is None else items[0],) * rank
    numbers = _all_whole(items, minimum)
    if numbers is not None and len(numbers) == rank:
        return numbers
    raise _wrong(owner, argument, f"a whole number of at least {minimum}, or {rank} of them", value)


def margins(
    owner: object, argument: str, value: object, rank: int
) -> tuple[int, ...] | tuple[tuple[int, ...], ...] | Literal["same"]:
    """Padding or cropping in MATLAB's form: ``"same"``, (top, bottom, left, right) of an image, or
    ((top, left, front), (bottom, right, back)) of a volume."""
    if isinstance(value, str) and value.casefold() == "same":
        return "same"
    items = _items(value)
    if items is None or len(items) == 1:
        items = (value if items is None else items[0],) * rank
    numbers = _all_whole(items, 0)
    # one number per dimension, for both sides: MATLAB stores an image's as a row of four
    if numbers is not None and len(numbers) == rank:
        return (numbers[0], numbers[0], numbers[1], numbers[1]) if rank == 2 else (numbers, numbers)
    if rank == 2 and numbers is not None and len(numbers) == 4:
        return numbers
    # a volume's margins are a matrix in MATLAB, one row per side
    if rank == 3 and len(items) == 2:
        rows = [_all_whole(_items(row) or (), 0) for row in items]
        sides = tuple(row for row in rows if row is not None and len(row) == 3)
        if len(sides) == 2:
            return sides
    raise _wrong(owner, argument, f"'same', a number, {rank} numbers or {_DIRECTIONS[rank]}", value)


def pairs(value: object) -> tuple[tuple[int, int], ...]:
    """Margins in normal form as (before, after) per dimension."""
    numbers = cast(tuple[Any, ...], value)
    # four numbers are an image's; a matrix of two rows is a volume's
    if len(numbers) == 4:
        return ((numbers[0], numbers[1]), (numbers[2], numbers[3]))
    return tuple(zip(*numbers, strict=True))


def whole_or(owner: object, argument: str, value: object, word: str) -> int | str:
    """A whole number, or a word such as ``"auto"`` (as many as the input has)."""
    if isinstance(value, str):
        return choice(owner, argument, value, (word,), or_else="a whole number of at least 1")
    return whole(owner, argument, value)


def initializer(owner: object, argument: str, value: object) -> Initializer:
    """The name of an initializer, or a function of the shape of the weight."""
    if callable(value):
        return cast(Initializer, value)
    return cast(InitializerName, choice(owner, argument, value, get_args(InitializerName)))


def image_numbers(owner: object, argument: str, value: object, rank: int) -> tuple[int, ...]:
    """The size of an image or volume with its channels; without channels, one channel."""
    items = _items(value)
    numbers = None if items is None else _all_whole(items, 1)
    if numbers is not None and len(numbers) in (rank, rank + 1):
        return numbers if len(numbers) == rank + 1 else (*numbers, 1)
    form = "(height, width, channels)" if rank == 2 else "(height, width, depth, channels)"
    raise _wrong(owner, argument, f"{form} in whole numbers of at least 1", value)


def per_channel(
    owner: object, argument: str, value: object, count: int, each: str = "channel"
) -> tuple[float, ...] | None:
    """A finite number per channel; a single one is repeated; ``None`` stays ``None``."""
    if value is None:
        return None
    single = _as_finite(value)
    if single is not None and count <= _MOST_REPEATED:
        return (single,) * count
    items = _items(value) or ()
    numbers = [number for item in items if (number := _as_finite(item)) is not None]
    if len(numbers) == len(items) == count:
        return tuple(numbers)
    raise _wrong(owner, argument, f"a finite number, or {count} of them (one per {each})", value)


def names(value: object) -> tuple[str, ...]:
    """The items of a collection or an array, also of a column, as texts; none for anything else."""
    items = _items(value)
    # sets and generators have names too, but the letters of a text are none
    if items is None and isinstance(value, Iterable) and not hasattr(value, "tolist"):
        items = () if isinstance(value, (str, bytes)) else tuple(value)
    return tuple(map(str, items or ()))


def length(value: object) -> int | None:
    """The number of items of a sequence or array; ``None`` for anything else."""
    items = _items(value)
    return None if items is None else len(items)


def _plain(value: Any) -> Any:
    """Arrays and numbers of NumPy and torch as lists and numbers; an array of one number is that number."""
    # known by this method, so that neither NumPy nor torch has to be imported
    if not hasattr(value, "tolist"):
        return value
    value = value.tolist()
    for _ in range(_MOST_DIMENSIONS):
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
    return value


def _items(value: Any) -> tuple[Any, ...] | None:
    """The items of a sequence or array; ``None`` for anything else."""
    # no sets and no generators: order matters, and a message reads the value a second time
    if not hasattr(value, "tolist"):
        return tuple(value) if isinstance(value, (list, tuple, range)) else None
    items = value.tolist()
    # an array without dimensions holds one number, which tolist returns bare
    if not isinstance(items, list):
        return None
    # MATLAB's vectors are arrays of several dimensions: 1×n, n×1, or 1×1×n for values per channel
    for _ in range(_MOST_DIMENSIONS):
        if len(items) == 1 and isinstance(items[0], list):
            items = items[0]
        elif len(items) > 1 and all(isinstance(item, list) and len(item) == 1 for item in items):
            items = [item[0] for item in items]
    return tuple(items)


def _as_whole(value: object, minimum: int) -> int | None:
    if type(value) is not int:  # as nearly all are, in graphs of thousands of layers
        value = _plain(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        # True is an index in Python, but hardly meant as the number 1
        if isinstance(value, bool) or not isinstance(value, SupportsIndex):
            return None
    result = index(value)
    return result if minimum <= result <= MAX_SIZE else None


def _all_whole(items: Sequence[object], minimum: int) -> tuple[int, ...] | None:
    numbers = [_as_whole(item, minimum) for item in items]
    return tuple(n for n in numbers if n is not None) if None not in numbers else None


def _as_finite(value: Any) -> float | None:
    if type(value) not in (float, int):
        value = _plain(value)
        if isinstance(value, bool) or not isinstance(value, Real):
            return None
    try:
        result = float(value)
    except OverflowError:  # a whole number beyond 1e308
        return None
    return result + 0.0 if math.isfinite(result) else None  # -0.0 becomes 0.0: equal layers, equal files


def _wrong(owner: object, argument: str, expected: str, value: object) -> ArgumentError:
    name = owner if isinstance(owner, str) else type(owner).__name__
    # the limit would distract, so it is named only where it is exceeded
    if "whole" in expected and any(
        isinstance(item, int) and item > MAX_SIZE for item in (value, *(_items(value) or ()))
    ):
        expected += ", below 2^63"
    try:
        shown = " ".join(map(str.strip, repr(value).splitlines()))[:100]  # arrays have several lines
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        shown = f"a value too long to show, of type {type(value).__name__}"
    return ArgumentError(f"{name}: {argument} must be {expected}, got {shown}")
