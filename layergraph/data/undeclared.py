"""Warnings for pixel values without a class, which would silently become unlabeled pixels."""

from __future__ import annotations

import os
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from layergraph.data.preview.quiet import is_quiet
from layergraph.errors import DataError, DataWarning
from layergraph.wording import quoted

if TYPE_CHECKING:
    from layergraph.data.label_ids import LabelIds

_SHOWN = 4  # values in one message
_MANY = 8  # values; a list of classes rarely omits more, so that smoothing or compression is the likely cause
_MOST_WARNINGS = 5  # per store
# of the module, not of each store, since stores are sent to other processes and a lock cannot be
_ONE_AT_A_TIME = threading.Lock()
# by their keys, which copies in other processes share
_INSTANCES: WeakValueDictionary[bytes, UndeclaredValues] = WeakValueDictionary()


class UndeclaredWarning(DataWarning):
    """Values of no class, found by a store; ``key`` is that of its :class:`UndeclaredValues`.

    A process that reads ahead has a copy of the store and sends the warning, which :meth:`is_new` compares
    with what the store has reported here.
    """

    def __init__(self, text: str, key: bytes, values: frozenset[int]) -> None:
        # all of them, so that another process can receive the warning
        super().__init__(text, key, values)
        self._text, self._key, self._values = text, key, values

    def __str__(self) -> str:
        return self._text

    def is_new(self) -> bool:
        """Whether a store of this process has values to report; they count as reported from now on."""
        reported = _INSTANCES.get(self._key)
        return reported is None or reported.add(self._values) is not None


class UndeclaredValues:
    """The undeclared values in the label images that a store has read so far.

    A store shares this object with its subsets, so that each value is reported once.
    """

    def __init__(self) -> None:
        self._reported: set[int] = set()
        self._num_warnings = 0
        self._key = os.urandom(8)
        _INSTANCES[self._key] = self

    def add(self, values: frozenset[int]) -> int | None:
        """Mark values as reported; the number of their warning, or None if there is nothing to report."""
        # one thread at a time: label files are counted in several, and each value is reported once
        with _ONE_AT_A_TIME:
            # a wrong value is usually in most files, and one warning per file would hide the others
            if self._reported.issuperset(values) or self._num_warnings == _MOST_WARNINGS:
                return None
            self._reported.update(values)
            self._num_warnings += 1
            return self._num_warnings

    def report(self, codes: NDArray[Any], num_pixels: int, path: Path, ids: LabelIds, kind: str) -> None:
        """Warn of the undeclared values of one file, unless all are already reported.

        Args:
            codes: the values of the pixels that have no class and are not ignored.
            num_pixels: pixels of the file.
            path: the file; ``kind`` is its format, such as ``"PNG"``.
            ids: the classes of the store.

        Raises:
            DataError: no pixel of the file has a class.
        """
        values, counts = np.unique(codes, return_counts=True)
        # a file without any class is an error: wrong label_ids, where a warning could be missed
        if len(codes) == num_pixels:
            raise DataError(
                f"label image {quoted(str(path))} must have pixels of the classes {_classes(ids)}, got "
                f"{_shares(values, counts, num_pixels, ids)}; give label_ids as they are in the file"
            )
        if is_quiet.get():
            return
        found = frozenset(values.tolist())
        if (number := self.add(found)) is None:
            return
        last = "; further values are not reported" if number == _MOST_WARNINGS else ""
        text = (
            f"label image {quoted(str(path))} has values that are of no class, and these pixels count as "
            f"unlabeled: {_shares(values, counts, num_pixels, ids)}; {_advice(len(values), kind)}{last}"
        )
        warnings.warn(UndeclaredWarning(text, self._key, found), stacklevel=2)


def _shares(values: NDArray[Any], counts: NDArray[Any], num_pixels: int, ids: LabelIds) -> str:
    """The most frequent values with their shares."""
    # stable, so that equal counts have the same order in each run and on each machine
    order = np.argsort(-counts, kind="stable")
    shown = [f"{ids.value(int(values[i]))} ({counts[i] / num_pixels:.2%})" for i in order[:_SHOWN]]
    more = len(values) - _SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _classes(ids: LabelIds) -> str:
    shown = [
        f"{quoted(name)}: {group[0]}" for name, group in zip(ids.classes[:_SHOWN], ids.ids, strict=False)
    ]
    return ", ".join(shown) + (", ..." if len(ids.classes) > _SHOWN else "")


def _advice(num_values: int, kind: str) -> str:
    # JPEG first: its artifacts also make many values, but the nearest pixel would not fix them
    if kind == "JPEG":
        return "JPEG changes values near edges, so label images must be PNG or TIFF; make them again"
    if num_values > _MANY:
        return (
            "this many values come from smoothing, such as resizing with interpolation; make the label "
            "images again, with the nearest pixel"
        )
    return "give each value to a class in label_ids, or name it in ignored_ids"
