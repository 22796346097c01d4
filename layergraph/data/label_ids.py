"""The pixel values of each class in label images."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import DataError, WrongTypeError
from layergraph.labels import UNLABELLED
from layergraph.wording import quoted

Triplet = tuple[int, int, int]
Ids = tuple[int, ...] | tuple[Triplet, ...]


class LabelIds:
    """Class names and the pixel values of each: whole numbers 0 to 65535, or RGB triplets.

    ``label_ids`` has one entry per class, all of one kind: one or several numbers (list, tuple, range, set),
    or one or several RGB triplets. Rows of three numbers for *every* class are triplets, as in an M-by-3
    matrix of MATLAB; for three ids per class, use sets: ``[{1, 2, 3}, {4, 5, 6}]``. ``ignored_ids``
    holds the values of pixels without a class, of the same kind.

    >>> ids = LabelIds(["road", "car"], [(128, 64, 128), [(64, 0, 128), (64, 128, 192)]])
    >>> ids.is_rgb, ids.ids
    (True, (((128, 64, 128),), ((64, 0, 128), (64, 128, 192))))
    >>> LabelIds(["road", "car"], [[0, 3], 7]).indices(np.array([[3, 7, 9]]))
    array([[  0,   1, 255]], dtype=uint8)
    """

    def __init__(
        self, classes: Iterable[str], label_ids: Iterable[Any], ignored_ids: Iterable[Any] = ()
    ) -> None:
        self.classes = _class_names(classes)
        self.ids, self.is_rgb = _ids_of_classes(self.classes, label_ids)
        self.ignored_ids = _ignored_ids(ignored_ids, self.is_rgb)
        owner: dict[int, int] = {}
        for index, group in enumerate(self.ids):
            for label_id in group:
                other = owner.setdefault(_code(label_id), index)
                if other != index:
                    raise DataError(
                        f"label id {label_id} belongs to two classes, {self.classes[other]!r} and "
                        f"{self.classes[index]!r}; give it to one of them"
                    )
        ignored = {_code(label_id) for label_id in self.ignored_ids}
        if both := ignored & owner.keys():
            code = min(both)
            raise DataError(
                f"label id {self.value(code)} is in ignored_ids and belongs to class "
                f"{self.classes[owner[code]]!r}; leave one of the two out"
            )
        self._ignored = np.array(sorted(ignored), np.uint32)
        codes = np.array(sorted(owner))
        indices = np.array([owner[code] for code in codes.tolist()], np.uint8)
        if self.is_rgb:
            self._codes, self._indices = codes.astype(np.uint32), indices
        else:
            self._table = np.full(65536, UNLABELLED, np.uint8)
            self._table[codes] = indices

    def indices(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """The class index of each pixel, 255 where its value is in no class; same shape as ``values``.

        ``values`` are whole numbers from 0 to 65535, or for RGB ids the codes ``r + 256 g + 65536 b``
        (the bytes of a four-byte pixel in a little-endian word).
        """
        if not self.is_rgb:
            gray: NDArray[np.uint8] = self._table[values]
            return gray
        places = np.searchsorted(self._codes, values)
        places[places == len(self._codes)] = 0
        return np.where(self._codes[places] == values, self._indices[places], np.uint8(UNLABELLED))

    def undeclared(self, values: NDArray[Any], indices: NDArray[np.uint8]) -> NDArray[Any]:
        """The values of unlabelled pixels (in ``indices``) that are not in ``ignored_ids``.

        >>> ids = LabelIds(["road", "car"], [0, 1], ignored_ids=[7])
        >>> values = np.array([[0, 1], [7, 9]])
        >>> ids.undeclared(values, ids.indices(values))
        array([9])
        """
        is_unlabelled = indices == UNLABELLED
        if not is_unlabelled.any():
            return values[:0].ravel()
        rest: NDArray[Any] = values[is_unlabelled]
        return rest[np.isin(rest, self._ignored, invert=True)] if len(self._ignored) else rest

    def value(self, code: int) -> int | Triplet:
        """The label id of a code: the number itself, or the RGB triplet."""
        return (code & 255, code >> 8 & 255, code >> 16) if self.is_rgb else code

    def __contains__(self, label_id: object) -> bool:
        return any(label_id in group for group in self.ids)


def _class_names(classes: Iterable[str]) -> tuple[str, ...]:
    if isinstance(classes, str) or not isinstance(classes, Iterable):
        raise WrongTypeError(f"classes must be a sequence of class names, got {classes!r}")
    names = tuple(classes)
    for place, name in enumerate(names):
        if not isinstance(name, str):
            raise WrongTypeError(
                f"a class name must be a string, got {name!r} at position {place} of classes"
            )
        if not name.strip():
            raise DataError(
                f"the class name at position {place} of classes is empty; give every class a name"
            )
        if name in names[:place]:
            raise DataError(f"class name {name!r} occurs twice in classes; give every class its own name")
    if not 1 <= len(names) <= UNLABELLED:
        raise DataError(
            f"a label store takes 1 to {UNLABELLED} classes, since labels are read as 8-bit numbers and "
            f"{UNLABELLED} means unlabelled; got {len(names)}"
        )
    return tuple(str(name) for name in names)


def _ids_of_classes(classes: tuple[str, ...], label_ids: Iterable[Any]) -> tuple[tuple[Ids, ...], bool]:
    """The ids of each class as a tuple, and whether they are RGB triplets."""
    if isinstance(label_ids, (str, Set)) or not isinstance(label_ids, Iterable):
        raise WrongTypeError(f"label_ids must be a sequence with one entry per class, got {label_ids!r}")
    entries = [_plain(entry) for entry in label_ids]
    if len(entries) != len(classes):
        raise DataError(
            f"label_ids has {_count(len(entries), 'entry', 'entries')}, classes has "
            f"{_count(len(classes), 'name', 'names')}; give each class one entry, an id or a list of ids"
        )
    nested = [
        isinstance(entry, list) and any(isinstance(part, (list, set)) for part in entry) for entry in entries
    ]
    flat_three = [isinstance(entry, list) and len(entry) == 3 for entry in entries]
    is_rgb = all(a or b for a, b in zip(nested, flat_three, strict=True))
    if any(nested) and not is_rgb:
        rgb = nested.index(True)
        gray = next(i for i in range(len(entries)) if not (nested[i] or flat_three[i]))
        raise DataError(
            f"label_ids mixes two kinds of ids: RGB triplets for class {classes[rgb]!r}, but for class "
            f"{classes[gray]!r} {entries[gray]!r}; give every class RGB triplets, or every class numbers"
        )
    groups: list[Ids] = []
    for name, entry, is_nested in zip(classes, entries, nested, strict=True):
        group = entry if is_nested or (isinstance(entry, (list, set)) and not is_rgb) else [entry]
        if not group:
            raise DataError(f"class {name!r} has no label ids; give it at least one, or leave the class out")
        owner = f"class {name!r}"
        groups.append(tuple(_triplet(owner, i) if is_rgb else _number(owner, i, 65535) for i in group))  # type: ignore[arg-type]
    return tuple(groups), is_rgb


def _ignored_ids(ignored_ids: Iterable[Any], is_rgb: bool) -> Ids:
    if isinstance(ignored_ids, str) or not isinstance(ignored_ids, Iterable):
        raise WrongTypeError(f"ignored_ids must be a sequence of label ids, got {quoted(ignored_ids)}")
    owner = "ignored_ids"
    entries = [_plain(entry) for entry in ignored_ids]
    return tuple(_triplet(owner, i) if is_rgb else _number(owner, i, 65535) for i in entries)  # type: ignore[return-value]


def _plain(entry: Any) -> Any:
    """NumPy arrays, tuples and lists as lists; sets and ranges (which are never a triplet) as sets."""
    if isinstance(entry, np.ndarray):
        return entry.tolist()
    if isinstance(entry, (Set, range)):
        return set(entry)
    if isinstance(entry, Sequence) and not isinstance(entry, str):
        return [_plain(part) for part in entry]
    return entry


def _triplet(owner: str, value: Any) -> Triplet:
    if not isinstance(value, list) or len(value) != 3:
        raise DataError(
            f"{owner} has the label id {value!r}; an RGB triplet must be three numbers from 0 to 255"
        )
    red, green, blue = (_number(owner, part, 255) for part in value)
    return red, green, blue


def _number(owner: str, value: Any, largest: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise WrongTypeError(
            f"{owner} has the label id {value!r}; an id must be a whole number or RGB triplet"
        )
    if not 0 <= number <= largest:
        kind = "an RGB triplet has numbers" if largest == 255 else "a pixel value goes"
        raise DataError(f"{owner} has the label id {number}; {kind} from 0 to {largest}")
    return number


def _code(label_id: int | Triplet) -> int:
    if isinstance(label_id, int):
        return label_id
    return label_id[0] + (label_id[1] << 8) + (label_id[2] << 16)


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
