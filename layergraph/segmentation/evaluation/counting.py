"""Pixel counts by true and predicted label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.class_indices import check_indices, class_indices, mask_error
from layergraph.data.label_array import class_names_of
from layergraph.errors import DataError
from layergraph.labels import UNLABELED
from layergraph.wording import listed, times


def count_pairs(predicted: ArrayLike, truth: ArrayLike, num_classes: int, place: str) -> NDArray[np.int64]:
    """The number of pixels (256, 256) with each true label (rows) and each predicted one, 255 included.

    ``place`` is the call or the image in errors.

    >>> count_pairs([0, 1], [255, 0], 2, "dice")[255, 0]
    np.int64(1)
    """
    columns = _label_bytes(predicted, num_classes, f"{place}: predicted")
    rows = _label_bytes(truth, num_classes, f"{place}: truth")
    if columns.shape != rows.shape:
        raise DataError(
            f"{place}: predicted must have the size of the truth ({_shape(rows)}), got {_shape(columns)}; "
            "segment the image at the size of its truth"
        )
    # both bytes of a pixel form one 16-bit number, so that one pass counts all pairs
    pairs = (rows.ravel().astype(np.uint16) << 8) | columns.ravel()
    # minlength, since bincount stops at the highest pair that occurs
    return np.bincount(pairs, minlength=1 << 16).reshape(256, 256).astype(np.int64, copy=False)


def class_counts(
    pairs: NDArray[np.int64], num_classes: int, *, unlabeled_column: bool = False
) -> NDArray[np.int64]:
    """Select the confusion matrix from a table of :func:`count_pairs`.

    >>> class_counts(count_pairs([0, 1], [255, 0], 2, "dice"), 2)
    array([[0, 1],
           [0, 0]])
    """
    columns = [*range(num_classes), UNLABELED] if unlabeled_column else list(range(num_classes))
    # an index of a slice and a list returns a copy in column-major order
    return np.ascontiguousarray(pairs[:num_classes, columns])


def refuse_masks(pairs: NDArray[np.int64], num_classes: int, predicted: Any, truth: Any, call: str) -> None:
    """Raise if predictions or truth, counted in a table of :func:`count_pairs`, are masks of 0 and 255.

    Arrays that know their classes are never masks. In a mask, the pixels of the object would count as
    unlabeled, so that a network that detects no object would be right everywhere.
    """
    if num_classes == 1:  # then 0 and 255 are the two values that labels have
        return
    for axis, argument, labels in ((0, "predicted", predicted), (1, "truth", truth)):
        # the table has 255 among the true labels too, which the confusion matrix omits
        present = np.flatnonzero(pairs.any(axis=axis)).tolist()
        if present == [0, UNLABELED] and class_names_of(labels) is None:
            raise mask_error(f"{call}: {argument}")


def common_classes(given: Mapping[str, tuple[str, ...] | None], place: str) -> tuple[str, ...] | None:
    """The class names, which must be the same for all that have names; ``None`` if none has names.

    >>> common_classes({"predicted": None, "truth": ("sky", "road")}, "dice")
    ('sky', 'road')
    """
    known = [(owner, names) for owner, names in given.items() if names is not None]
    for owner, names in known[1:]:
        if names != known[0][1]:
            raise DataError(
                f"{place}: {known[0][0]} and {owner} must have the same classes in the same order, got "
                f"({listed(known[0][1])}) and ({listed(names)})"
            )
    return known[0][1] if known else None


def _label_bytes(labels: ArrayLike, num_classes: int, owner: str) -> NDArray[np.uint8]:
    array = class_indices(labels, owner)
    # before the cast to bytes, which would wrap 256 to class 0
    check_indices(array, num_classes, owner)
    return array.astype(np.uint8, copy=False)


def _shape(array: NDArray[Any]) -> str:
    return times(array.shape) if array.shape else "one number"
