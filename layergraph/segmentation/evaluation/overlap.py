"""Overlap of label images per class, and of masks: Jaccard (IoU) and Dice."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.segmentation.evaluation.counting import class_counts
from layergraph.segmentation.evaluation.label_pair import LabelPair, label_pair
from layergraph.segmentation.evaluation.scores import pixel_counts, ratio

Mask = NDArray[np.bool_]


@overload
def jaccard(predicted: Mask, truth: Mask) -> float: ...
@overload
def jaccard(predicted: ArrayLike, truth: ArrayLike, num_classes: int | None = ...) -> NDArray[np.float64]: ...
def jaccard(predicted: ArrayLike, truth: ArrayLike, num_classes: int | None = None) -> Any:
    """Intersection over union, |A ∩ B| / |A ∪ B|: of each class, or of two masks.

    ``predicted`` and ``truth`` are integer arrays of one shape with class indices or 255 (unlabeled); pixels
    unlabeled in the truth are skipped. Or both are boolean masks. ``num_classes`` is by default the number of
    classes that the labels know, or one more than the highest label of both.

    Returns float64 (num_classes,), NaN for a class that occurs in neither; for masks a float. Raises
    the errors of :func:`segmentation_confusion_matrix`, and WrongTypeError for a mask and labels.
    Source: MATLAB, jaccard.

    >>> jaccard([[0, 1], [1, 1]], [[0, 0], [1, 1]])
    array([0.5       , 0.66666667])
    >>> jaccard([[0, 1], [1, 1]], [[0, 0], [1, 1]], 3)
    array([0.5       , 0.66666667,        nan])
    >>> jaccard(np.array([True, True]), np.array([True, False]))
    0.5
    """
    pair = label_pair("jaccard", predicted, truth, num_classes)
    right, true, found = _counts(pair)
    return pair.result(ratio(right, true + found - right))


@overload
def dice(predicted: Mask, truth: Mask) -> float: ...
@overload
def dice(predicted: ArrayLike, truth: ArrayLike, num_classes: int | None = ...) -> NDArray[np.float64]: ...
def dice(predicted: ArrayLike, truth: ArrayLike, num_classes: int | None = None) -> Any:
    """Dice similarity, 2 |A ∩ B| / (|A| + |B|) = 2 J / (1 + J) with J the Jaccard index.

    Arguments, result and errors are those of :func:`jaccard`. Source: MATLAB, dice.

    >>> dice([[0, 1], [1, 1]], [[0, 0], [1, 1]])
    array([0.66666667, 0.8       ])
    >>> dice(np.array([True, True]), np.array([True, False]))
    0.6666666666666666
    """
    pair = label_pair("dice", predicted, truth, num_classes)
    right, true, found = _counts(pair)
    return pair.result(ratio(2 * right, true + found))


def _counts(pair: LabelPair) -> NDArray[np.int64]:
    return pixel_counts(class_counts(pair.pixels, pair.num_classes, unlabeled_column=True))
