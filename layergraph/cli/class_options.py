"""Options that name the classes of label images, and the functions that read them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from layergraph.errors import ArgumentError, DataError
from layergraph.wording import quoted

ClassesOption = Annotated[
    str,
    typer.Option(
        metavar="NAMES|FILE",
        help="Class names such as sky,road; or a file with one line 'id name' or 'R G B name' per class.",
    ),
]
LabelIdsOption = Annotated[
    str | None,
    typer.Option(
        metavar="N,N,...", help="Pixel values of the classes in the label images; by default 0,1,2,..."
    ),
]
IgnoredIdsOption = Annotated[
    str | None,
    typer.Option(metavar="N,N,...", help="Pixel values without a class, such as 255; colors as 'R G B,...'."),
]
PairOption = Annotated[
    Literal["name", "order"], typer.Option(help="Pair the files by their names, or in their order.")
]

MOST_DIGITS = 18  # every such number fits 64 bits


def classes_and_ids(classes: str, label_ids: str | None) -> tuple[list[str], list[Any]]:
    """Class names and their label ids, from ``a,b`` and ``255,0``, or from a file.

    Each line of the file is ``id name`` or ``R G B name``; several lines may have the same name. Without
    ``label_ids`` the ids are 0, 1, 2, ...

    >>> classes_and_ids("sky, road", "255,0")
    (['sky', 'road'], [255, 0])
    """
    if os.path.isfile(classes):  # Path.is_file raises for a list of names longer than a file name can be
        if label_ids:
            raise DataError(f"--label-ids is not for a file of classes: {quoted(classes)} has the ids")
        return _read_classes(Path(classes))
    names = [name.strip() for name in classes.split(",")]
    if label_ids is None:
        return names, list(range(len(names)))
    try:
        ids = [int(word) for word in label_ids.replace(",", " ").split()]
    except ValueError:
        raise DataError(f"--label-ids must be numbers such as 255,0, got {quoted(label_ids)}") from None
    return names, list(ids)


def ignored_values(text: str | None) -> list[Any]:
    """The values of ``--ignored-ids``.

    >>> ignored_values("255, 11"), ignored_values("0 0 0,255 255 255")
    ([255, 11], [(0, 0, 0), (255, 255, 255)])
    """
    values: list[Any] = []
    for part in (text or "").split(",") if text else []:
        words = part.split()
        # int() would also take signs and underscores
        if len(words) not in (1, 3) or not all(re.fullmatch(r"\d{1,9}", word) for word in words):
            raise DataError(
                f"--ignored-ids must be numbers such as 255,11, or colors such as '0 0 0', got {quoted(text)}"
            )
        numbers = tuple(map(int, words))
        values.append(numbers if len(numbers) == 3 else numbers[0])
    return values


def check_digits(text: str, place: str) -> None:
    """Raise for digits of a number larger than any size or id; Python itself refuses thousands of them.

    Raises:
        ArgumentError: there are more than 18 digits.
    """
    if len(text) > MOST_DIGITS:
        raise ArgumentError(
            f"{place} must be a number of at most {MOST_DIGITS} digits, got {len(text)} digits"
        )


def _read_classes(path: Path) -> tuple[list[str], list[Any]]:
    ids_of: dict[str, list[Any]] = {}
    place = quoted(str(path))
    try:
        # editors on Windows start a file of UTF-8 with a mark, which would belong to the first id
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{place} must be text in UTF-8 that names classes; save it as UTF-8") from None
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        # a name begins with no digit, so that 'id name' and 'R G B name' differ
        match = re.fullmatch(r"\s*(\d+)(?:\s+(\d+)\s+(\d+))?\s+(\D\S*.*?)\s*", line)
        if match is None:
            raise DataError(
                f"line {number} of {place} must be 'id name' or 'R G B name', got {quoted(line.strip())}"
            )
        words = [word for word in match.groups()[:3] if word is not None]
        for word in words:
            check_digits(word, f"the id in line {number} of {place}")
        numbers = tuple(map(int, words))
        # with several lines per name, a class has several ids, in the order of the first lines
        ids_of.setdefault(match[4], []).append(numbers[0] if len(numbers) == 1 else numbers)
    if not ids_of:
        raise DataError(f"{place} must name classes; write one line 'id name' or 'R G B name' per class")
    return list(ids_of), list(ids_of.values())
