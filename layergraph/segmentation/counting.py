"""Counting pixels by true and predicted label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.class_indices import class_indices, expect_classes, mask_error
from layergraph.data.label_array import class_names_of
from layergraph.errors import DataError
from layergraph.labels import UNLABELLED
from layergraph.wording import visible


def count_pairs(predicted: ArrayLike, truth: ArrayLike, num_classes: int) -> NDArray[np.int64]:
    """The number of pixels (256, 256) with each true label (rows) and each predicted one, 255 too.

    >>> count_pairs([0, 1], [255, 0], 2)[255, 0]
    np.int64(1)
    """
    columns = _label_bytes(predicted, num_classes, "the prediction")
    rows = _label_bytes(truth, num_classes, "the truth")
    if columns.shape != rows.shape:
        raise DataError(
            f"the prediction is {_size(columns)} and the truth {_size(rows)}; "
            "both must have one size, so segment the image at the size of its truth"
        )
    # one pass over the pixels: two bytes side by side make one number
    pairs = (rows.ravel().astype(np.uint16) << 8) | columns.ravel()
    return np.bincount(pairs, minlength=1 << 16).reshape(256, 256).astype(np.int64, copy=False)


def class_counts(
    pairs: NDArray[np.int64], num_classes: int, *, unlabelled_column: bool = False
) -> NDArray[np.int64]:
    """The confusion matrix in a table of :func:`count_pairs`.

    >>> class_counts(count_pairs([0, 1], [255, 0], 2), 2)
    array([[0, 1],
           [0, 0]])
    """
    kept = [*range(num_classes), UNLABELLED] if unlabelled_column else list(range(num_classes))
    return np.ascontiguousarray(pairs[:num_classes, kept])


def refuse_masks(pairs: NDArray[np.int64], num_classes: int, predicted: Any, truth: Any) -> None:
    """Raise where predictions or truth, counted in a table of :func:`count_pairs`, are masks of 0 and 255.

    Those that know their classes are labels for certain. A mask would count what is inside it as unlabelled,
    so that a network that finds nothing is right everywhere.
    """
    if num_classes == 1:  # a mask has two
        return
    for axis, what, labels in ((0, "the prediction", predicted), (1, "the truth", truth)):
        found = np.flatnonzero(pairs.any(axis=axis)).tolist()
        if found == [0, UNLABELLED] and class_names_of(labels) is None:
            raise mask_error(what)


def expect_same_classes(given: Mapping[str, tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """The one list of class names that all who have names agree on; ``None`` where nobody has any.

    >>> expect_same_classes({"the prediction": None, "the truth": ("sky", "road")})
    ('sky', 'road')
    """
    known = [(who, names) for who, names in given.items() if names is not None]
    for who, names in known[1:]:
        if names != known[0][1]:
            raise DataError(
                f"{known[0][0]} and {who} must have the same classes in the same order, "
                f"got {_listed(known[0][1])} and {_listed(names)}"
            )
    return known[0][1] if known else None


def _listed(names: tuple[str, ...]) -> str:
    return f"({', '.join(map(visible, names))})"


def _label_bytes(labels: ArrayLike, num_classes: int, what: str) -> NDArray[np.uint8]:
    array = class_indices(labels, what)
    expect_classes(array, num_classes, what)
    return array.astype(np.uint8, copy=False)


def _size(array: NDArray[Any]) -> str:
    return "×".join(map(str, array.shape)) or "one number"
