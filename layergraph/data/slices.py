"""Volumes whose slices are files: the slices of each folder in order, and the array of all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import DataError
from layergraph.wording import quoted, times

Volumes = Literal["files", "folders"]
"""Whether each file is an item, or each folder, whose files are the slices of one volume."""

_TOKEN = re.compile(r"\d+|\D+")


def slices_by_folder(files: Sequence[Path], caller: str) -> dict[Path, tuple[Path, ...]]:
    """The folders of the files, each with its files in the order of their numbers.

    9 comes before 10, with leading zeros or without. The order must be certain: the names in a folder differ
    in whole numbers alone, the first of these is another one in each, and a folder of slices has no further
    folder of slices in it. Names without numbers are in alphabetical order.

    Raises ``DataError`` for any other names.

    >>> files = [Path("scan") / f"z{number}.png" for number in (1, 10, 9)]
    >>> [file.name for file in slices_by_folder(files, "ImageDatastore")[Path("scan")]]
    ['z1.png', 'z9.png', 'z10.png']
    """
    groups: dict[Path, list[Path]] = {}
    for file in files:
        groups.setdefault(file.parent, []).append(file)
    for folder in groups:
        if outer := next((parent for parent in folder.parents if parent in groups), None):
            raise DataError(
                f"{caller}: a folder must hold slices or folders of slices, got both in "
                f"{quoted(str(outer))}, such as {quoted(groups[outer][0].name)} and the folder "
                f"{quoted(str(folder))}; move one"
            )
    return {folder: _in_order(group, caller) for folder, group in groups.items()}


def _in_order(files: Sequence[Path], caller: str) -> tuple[Path, ...]:
    first, *others = names = [_tokens(file) for file in files]
    for file, name in zip(files[1:], others, strict=True):
        if any(map(str.isdecimal, first + name)) and not _differ_in_numbers(first, name):
            raise DataError(
                f"{caller}: the slices of a volume must have names that differ in whole numbers alone, got "
                f"{quoted(str(files[0]))} and {quoted(file.name)}; rename the files in the order of the "
                "slices, or leave out what is no slice"
            )
    keys = [[int(token) if token.isdecimal() else token for token in name] for name in names]
    # the texts are equal, or else there are texts alone, so numbers are compared with numbers
    order = sorted(range(len(files)), key=keys.__getitem__)
    for one, other in pairwise(order):
        if keys[one] == keys[other]:
            raise DataError(
                f"{caller}: each slice of a volume must have a number of its own, got "
                f"{quoted(str(files[one]))} and {quoted(files[other].name)}; leave one out"
            )
    # in scan1_z1, scan1_z2 and scan2_z1 the first number that changes counts volumes, not slices
    first_changing = next((column for column in zip(*keys, strict=True) if len(set(column)) > 1), ())
    if len(set(first_changing)) < len(first_changing):
        raise DataError(
            f"{caller}: a folder must hold the slices of one volume, each with another number where the "
            f"names begin to differ, got {quoted(str(files[order[0]]))} and {quoted(files[order[1]].name)} "
            f"to {quoted(files[order[-1]].name)}; move each volume to a folder of its own"
        )
    return tuple(files[index] for index in order)


def _differ_in_numbers(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two names have the same text, and no decimals: 1.25 is before 1.5, and 25 is not before 5."""
    if len(one) != len(other):
        return False
    for at, (a, b) in enumerate(zip(one, other, strict=True)):
        if not (a.isdecimal() and b.isdecimal()):
            if a != b:
                return False
        elif at > 1 and one[at - 1] == "." and len(a) != len(b):
            return False
    return True


def stack_slices(
    arrays: Sequence[NDArray[Any]], files: Sequence[Path], num_axes: int, caller: str
) -> NDArray[Any]:
    """The volume (height, width, depth, ...) of slices (height, width, ...) of ``num_axes`` axes.

    Raises ``DataError`` for slices of other axes, or of different shapes or types.

    >>> stack_slices([np.zeros((4, 6))] * 2, [Path("1.png"), Path("2.png")], 2, "ImageDatastore").shape
    (4, 6, 2)
    """
    first = arrays[0]
    for array, file in zip(arrays, files, strict=True):
        if array.ndim != num_axes:
            raise DataError(
                f"{caller}: a slice of a volume must be one image, got {times(array.shape)} in the file "
                f"{quoted(str(file))}; leave out volumes='folders' where each file is a volume"
            )
        if array.shape != first.shape or array.dtype != first.dtype:
            raise DataError(
                f"{caller}: the slices of a volume must have one size and type, got {_form(first)} in the "
                f"file {quoted(str(files[0]))} and {_form(array)} in {quoted(file.name)}; convert the "
                "slices, or leave one out"
            )
    return np.stack(arrays, axis=2)


def gap(files: Sequence[Path]) -> tuple[Path, Path] | None:
    """The first two neighbors among slices in order whose numbers are further apart than others are.

    >>> [file.name for file in gap([Path(f"{number}.png") for number in (1, 2, 4)])]
    ['2.png', '4.png']
    """
    numbers = np.array(
        [[int(token) for token in _tokens(file) if token.isdecimal()] for file in files], object
    )
    steps = numbers[1:] - numbers[:-1]
    changing = [column for column in steps.T if column.any()]
    if len(changing) != 1 or (changing[0] == changing[0][0]).all():
        return None
    at = int(np.argmax(changing[0] > changing[0].min()))
    return files[at], files[at + 1]


def _tokens(file: Path) -> list[str]:
    """The numbers of a name and the text between them."""
    return _TOKEN.findall(file.name.casefold())


def _form(array: NDArray[Any]) -> str:
    return f"{times(array.shape)} of {array.dtype}"
