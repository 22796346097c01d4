"""Positions of items: of indices, masks and slices, and the sizes of the parts of a split."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, SupportsIndex

from layergraph.errors import DataError, WrongTypeError
from layergraph.wording import counted, quoted

_TOLERANCE = 1e-6  # of a sum of fractions: 0.6 + 0.3 + 0.1 is not 1 in binary


def position(index: Any, length: int, owner: str) -> int:
    """The position, from 0, of an index that may count from the end.

    Raises ``WrongTypeError`` for an index that is no whole number, ``IndexError`` for one out of range;
    ``owner`` is the name of the sequence in errors.

    >>> position(-1, 3, "ImageDatastore")
    2
    """
    try:
        # takes the integers of NumPy and torch, and refuses 1.0, which int() would take
        number = operator.index(index)
    except TypeError:
        number = None
    # True is the number 1 in Python, but as a position it is a mask of one item
    if number is None or _is_boolean(index):
        raise WrongTypeError(f"{owner}: a position must be a whole number, got {quoted(index)}")
    if not -length <= number < length:
        raise IndexError(f"{owner}: a position must be within its {counted(length, 'item')}, got {number}")
    return number % length


def positions(indices: slice | Iterable[SupportsIndex], length: int, owner: str) -> tuple[int, ...]:
    """The positions, from 0, of a slice, of a sequence of indices or of a mask with one boolean per item.

    Raises ``DataError`` for a mask of another length, and the errors of :func:`position`.

    >>> positions([True, False, True], 3, "ImageDatastore"), positions([-1, 0], 3, "ImageDatastore")
    ((0, 2), (2, 0))
    """
    if isinstance(indices, slice):
        return tuple(range(length)[indices])
    if isinstance(indices, str) or not isinstance(indices, Iterable):
        raise WrongTypeError(
            f"subset: indices must be a slice, a mask or a sequence of whole numbers, got {quoted(indices)}"
        )
    given = list(indices)
    if given and all(map(_is_boolean, given)):
        # NumPy, too, refuses a mask of another length; itertools.compress would cut it
        if len(given) != length:
            raise DataError(
                f"{owner}: a mask must have one boolean per item ({length}), got {len(given)}; give whole "
                "numbers to select by position"
            )
        return tuple(index for index, chosen in enumerate(given) if chosen)
    return tuple(position(index, length, owner) for index in given)


def part_sizes(length: int, parts: Sequence[float], owner: str) -> list[int]:
    """The number of items in each part of ``length`` items, and what remains as a further part.

    ``parts`` are numbers of items, or fractions, each of which is rounded. If fractions sum to 1, the last of
    them is what remains, and there is no further part. Raises ``DataError`` for parts of both kinds or
    that are more than there is, ``WrongTypeError`` for other values; ``owner`` names the call in errors.

    >>> part_sizes(701, (0.6, 0.2, 0.2), "split"), part_sizes(10, (7,), "split")
    ([421, 140, 140], [7, 3])
    """
    shown = f"({', '.join(map(quoted, parts))})"
    if not parts or not all(isinstance(part, Real) and not isinstance(part, bool) for part in parts):
        raise WrongTypeError(f"{owner}: parts must be fractions or numbers of items, got {shown}")
    if all(part >= 1 and float(part).is_integer() for part in parts):
        sizes = [int(part) for part in parts]
    elif all(0 < part < 1 for part in parts) and sum(parts) < 1 + _TOLERANCE:
        given = parts[:-1] if sum(parts) > 1 - _TOLERANCE else parts
        sizes, left = [], length
        for part in given:
            # half goes up, as MATLAB rounds; several halves may be more than there is
            sizes.append(min(math.floor(part * length + 0.5), left))
            left -= sizes[-1]
    else:
        raise DataError(
            f"{owner}: parts must be fractions of a sum of at most 1, or whole numbers of items, got {shown}"
        )
    if sum(sizes) > length:
        raise DataError(f"{owner}: parts must be at most {counted(length, 'item')} in all, got {shown}")
    return [*sizes, length - sum(sizes)]


def _is_boolean(index: Any) -> bool:
    return isinstance(index, bool) or str(getattr(index, "dtype", "")).endswith("bool")
