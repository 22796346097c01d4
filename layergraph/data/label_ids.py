"""The pixel values of each class in label images."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import DataError, WrongTypeError
from layergraph.labels import UNLABELED
from layergraph.wording import quoted

Triplet = tuple[int, int, int]
Ids = tuple[int, ...] | tuple[Triplet, ...]

_LABEL_IDS, _IGNORED_IDS = "PixelLabelDatastore: label_ids", "PixelLabelDatastore: ignored_ids"  # in errors


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
        self.classes = class_names(classes, "PixelLabelDatastore: classes")
        self.ids, self.is_rgb = _ids_of_classes(self.classes, label_ids)
        self.ignored_ids = _ignored_ids(ignored_ids, self.is_rgb)
        owner: dict[int, int] = {}
        for index, group in enumerate(self.ids):
            for label_id in group:
                # twice in one class is no error: two lists of ids of a class may overlap
                other = owner.setdefault(_code(label_id), index)
                if other != index:
                    raise DataError(
                        f"{_LABEL_IDS} must give each id to one class, got {label_id} for "
                        f"{quoted(self.classes[other])} and {quoted(self.classes[index])}"
                    )
        ignored = {_code(label_id) for label_id in self.ignored_ids}
        if both := ignored & owner.keys():
            code = min(both)
            raise DataError(
                f"{_IGNORED_IDS} must hold no id of a class, got {self.value(code)} of class "
                f"{quoted(self.classes[owner[code]])}"
            )
        self._ignored = np.array(sorted(ignored), np.uint32)
        codes = np.array(sorted(owner))
        indices = np.array([owner[code] for code in codes.tolist()], np.uint8)
        # a table of all 16-bit numbers is the fastest map; one of all colors would take 16 MB per store
        if self.is_rgb:
            self._codes, self._indices = codes.astype(np.uint32), indices
        else:
            self._table = np.full(65536, UNLABELED, np.uint8)
            self._table[codes] = indices

    def indices(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """The class index of each pixel, 255 where its value is in no class; same shape as ``values``.

        ``values`` are whole numbers from 0 to 65535, or for RGB ids the codes ``r + 256 g + 65536 b``
        (the bytes of a four-byte pixel in a little-endian word).
        """
        if not self.is_rgb:
            gray: NDArray[np.uint8] = self._table[values]
            return gray
        # a binary search in a few sorted codes finds all pixels in one call of NumPy
        positions = np.searchsorted(self._codes, values)
        positions[positions == len(self._codes)] = 0  # a value above all codes equals none of them
        return np.where(self._codes[positions] == values, self._indices[positions], np.uint8(UNLABELED))

    def undeclared(self, values: NDArray[Any], indices: NDArray[np.uint8]) -> NDArray[Any]:
        """The values of unlabeled pixels (in ``indices``) that are not in ``ignored_ids``.

        >>> ids = LabelIds(["road", "car"], [0, 1], ignored_ids=[7])
        >>> values = np.array([[0, 1], [7, 9]])
        >>> ids.undeclared(values, ids.indices(values))
        array([9])
        """
        is_unlabeled = indices == UNLABELED
        if not is_unlabeled.any():
            return values[:0].ravel()
        rest: NDArray[Any] = values[is_unlabeled]
        return rest[np.isin(rest, self._ignored, invert=True)] if len(self._ignored) else rest

    def value(self, code: int) -> int | Triplet:
        """The label id of a code: the number itself, or the RGB triplet."""
        return (code & 255, code >> 8 & 255, code >> 16) if self.is_rgb else code

    def __contains__(self, label_id: object) -> bool:
        return any(label_id in group for group in self.ids)


def class_names(classes: Iterable[str], owner: str) -> tuple[str, ...]:
    """Class names: 1 to 255, each once and none empty; ``owner`` is their name in errors.

    >>> class_names(["sky", "road"], "labeloverlay: classes")
    ('sky', 'road')
    """
    if isinstance(classes, str) or not isinstance(classes, Iterable):
        raise WrongTypeError(f"{owner} must be a sequence of class names, got {quoted(classes)}")
    names = tuple(classes)
    for position, name in enumerate(names):
        if not isinstance(name, str):
            raise WrongTypeError(f"{owner} must be text, got {quoted(name)} at position {position}")
        if not name.strip():
            raise DataError(f"{owner} must not be empty, got {quoted(name)} at position {position}")
        if name in names[:position]:
            raise DataError(f"{owner} must be distinct, got {quoted(name)} twice")
    if not 1 <= len(names) <= UNLABELED:
        raise DataError(
            f"{owner} must be 1 to {UNLABELED} names, as labels are 8-bit numbers with {UNLABELED} for "
            f"unlabeled, got {len(names)}"
        )
    return tuple(map(str, names))  # NumPy's text becomes Python's


def _ids_of_classes(classes: tuple[str, ...], label_ids: Iterable[Any]) -> tuple[tuple[Ids, ...], bool]:
    """The ids of each class as a tuple, and whether they are RGB triplets."""
    # a set has no order, so that its ids would go to the classes by chance
    if isinstance(label_ids, (str, Set)) or not isinstance(label_ids, Iterable):
        raise WrongTypeError(
            f"{_LABEL_IDS} must be a sequence with one entry per class, got {quoted(label_ids)}"
        )
    entries = [_plain(entry) for entry in label_ids]
    if len(entries) != len(classes):
        raise DataError(
            f"{_LABEL_IDS} must have one entry per class ({len(classes)}), an id or a list of ids, got "
            f"{len(entries)}"
        )
    # three numbers are a triplet only if every class has triplets: [1, 2, 3] may be three gray values
    nested = [
        isinstance(entry, list) and any(isinstance(part, (list, set)) for part in entry) for entry in entries
    ]
    flat_three = [isinstance(entry, list) and len(entry) == 3 for entry in entries]
    is_rgb = all(a or b for a, b in zip(nested, flat_three, strict=True))
    if any(nested) and not is_rgb:
        rgb = nested.index(True)
        gray = next(i for i in range(len(entries)) if not (nested[i] or flat_three[i]))
        raise DataError(
            f"{_LABEL_IDS} must be numbers for every class, or RGB triplets for every class, got triplets "
            f"for class {quoted(classes[rgb])} and {quoted(entries[gray])} for class {quoted(classes[gray])}"
        )
    groups: list[Ids] = []
    for name, entry, is_nested in zip(classes, entries, nested, strict=True):
        group = entry if is_nested or (isinstance(entry, (list, set)) and not is_rgb) else [entry]
        if not group:
            raise DataError(
                f"{_LABEL_IDS} must have an id for every class, got none for class {quoted(name)}; leave the "
                "class out, or give it an id"
            )
        owner = f"{_LABEL_IDS} of class {quoted(name)}"
        groups.append(tuple(_triplet(owner, i) if is_rgb else _number(owner, i, 65535) for i in group))  # type: ignore[arg-type]
    return tuple(groups), is_rgb


def _ignored_ids(ignored_ids: Iterable[Any], is_rgb: bool) -> Ids:
    if isinstance(ignored_ids, str) or not isinstance(ignored_ids, Iterable):
        raise WrongTypeError(f"{_IGNORED_IDS} must be a sequence of label ids, got {quoted(ignored_ids)}")
    entries = [_plain(entry) for entry in ignored_ids]
    return tuple(_triplet(_IGNORED_IDS, i) if is_rgb else _number(_IGNORED_IDS, i, 65535) for i in entries)  # type: ignore[return-value]


def _plain(entry: Any) -> Any:
    """NumPy arrays, tuples and lists as lists; sets and ranges (which are never a triplet) as sets."""
    # tolist also makes NumPy's numbers plain ones, which errors show without their type
    if isinstance(entry, np.ndarray):
        return entry.tolist()
    if isinstance(entry, (Set, range)):
        return set(entry)
    if isinstance(entry, Sequence) and not isinstance(entry, str):
        return [_plain(part) for part in entry]
    return entry


def _triplet(owner: str, value: Any) -> Triplet:
    if not isinstance(value, list) or len(value) != 3:
        raise DataError(f"{owner} must be RGB triplets of three numbers from 0 to 255, got {quoted(value)}")
    red, green, blue = (_number(owner, part, 255) for part in value)
    return red, green, blue


def _number(owner: str, value: Any, largest: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    # True has an index in Python, 1, but as an id it is a mistake
    if number is None or isinstance(value, bool):
        raise WrongTypeError(f"{owner} must be whole numbers or RGB triplets, got {quoted(value)}")
    if not 0 <= number <= largest:
        kind = "RGB triplets of numbers" if largest == 255 else "numbers"
        raise DataError(f"{owner} must be {kind} from 0 to {largest}, got {quoted(number)}")
    return number


def _code(label_id: int | Triplet) -> int:
    if isinstance(label_id, int):
        return label_id
    return label_id[0] + (label_id[1] << 8) + (label_id[2] << 16)
