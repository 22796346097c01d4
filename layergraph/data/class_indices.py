"""Checks of labels: class indices of pixels, and no masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.errors import DataError, WrongTypeError
from layergraph.labels import UNLABELED


def class_indices(labels: ArrayLike, owner: str) -> NDArray[Any]:
    """Labels as an array of whole numbers; the error for a boolean mask says how to convert it.

    ``owner`` is the name of the labels in errors. Labels have one form everywhere: class indices, and 255
    where unlabeled. A mask is never accepted as labels, since it does not say which class True is.

    >>> class_indices([[True]], "dice: truth")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    layergraph.errors.WrongTypeError: dice: truth must hold class indices, got a boolean mask; ...
    """
    try:
        array = np.asarray(labels)
    except ValueError:
        raise DataError(f"{owner} must be an array, got rows of different lengths") from None
    if array.dtype.kind == "b":
        raise WrongTypeError(
            f"{owner} must hold class indices, got a boolean mask; np.where(mask, 1, 0) makes True class 1 "
            f"and False class 0, np.where(mask, 0, {UNLABELED}) leaves what is False unlabeled"
        )
    # NumPy makes an empty list an array of floats
    if array.dtype.kind not in "ui" and array.size:
        raise WrongTypeError(f"{owner} must hold integer class indices, got an array of {array.dtype}")
    return array if array.dtype.kind in "ui" else array.astype(np.uint8)


def check_indices(array: NDArray[Any], count: int, owner: str) -> None:
    """Raise for the first label that is neither one of ``count`` classes nor unlabeled.

    >>> check_indices(np.array([0, 3]), 2, "dice: truth")
    Traceback (most recent call last):
    layergraph.errors.DataError: dice: truth must hold class indices from 0 to 1, or 255 (unlabeled), got 3
    """
    # the extremes first: if they are in range (in most images), no mask is needed
    if array.size and (array.min() < 0 or array.max() >= count):
        strange = array[((array < 0) | (array >= count)) & (array != UNLABELED)]
        if strange.size:
            raise DataError(
                f"{owner} must hold class indices from 0 to {count - 1}, or {UNLABELED} (unlabeled), got "
                f"{strange[0]}"
            )


def mask_error(owner: str) -> DataError:
    """The error for plain numbers that are only 0 and 255: a mask, whose 255 would count as unlabeled."""
    return DataError(mask_text(owner, "must"))


def mask_text(owner: str, must: str) -> str:
    """The text of :func:`mask_error`; in a warning, ``must`` is "should"."""
    return (
        f"{owner} {must} hold class indices, got 0 and {UNLABELED} alone, as a mask has, and {UNLABELED} "
        f"means unlabeled; np.where(mask == {UNLABELED}, 1, 0) makes the mask class 1; for labels of the "
        f"first class where {UNLABELED} does mean unlabeled, give LabelArray(labels, classes)"
    )
