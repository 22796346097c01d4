"""The confusion matrix of label images, and the metrics that follow from it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.label_array import class_names_of
from layergraph.errors import DataError
from layergraph.labels import UNLABELLED
from layergraph.layers import arguments
from layergraph.segmentation.arrays import numbers
from layergraph.segmentation.counting import class_counts, count_pairs, expect_same_classes, refuse_masks
from layergraph.wording import quoted


class ConfusionMetrics(NamedTuple):
    """What a confusion matrix says: two values a class, four for the whole. NaN stands for 0/0."""

    accuracy: NDArray[np.float64]
    iou: NDArray[np.float64]
    global_accuracy: float
    mean_accuracy: float
    mean_iou: float
    weighted_iou: float


def segmentation_confusion_matrix(
    predicted: ArrayLike, truth: ArrayLike, num_classes: int, *, unlabelled_column: bool = False
) -> NDArray[np.int64]:
    """Count the pixels of each true class (rows) by the class predicted for them (columns).

    ``predicted`` and ``truth`` are integer arrays of one shape holding class indices
    ``0 .. num_classes - 1`` or 255 (unlabelled). Pixels unlabelled in the truth are skipped.
    Pixels predicted as unlabelled are wrong for their class but have no column among the classes;
    with ``unlabelled_column=True`` they are counted in one more, last column, so that the row sums are
    the pixels of each true class.

    Returns an int64 array (num_classes, num_classes), or (num_classes, num_classes + 1).
    Raises DataError for unequal shapes, labels outside the range, and plain arrays of 0 and 255 alone (a
    mask; ``LabelArray`` says that they are labels), WrongTypeError for arrays that are not of integers,
    ArgumentError for a number of classes out of range. Source: MATLAB, segmentationConfusionMatrix.

    >>> segmentation_confusion_matrix([0, 1, 1, 255], [0, 0, 1, 1], 2)
    array([[1, 1],
           [0, 1]])
    >>> segmentation_confusion_matrix([0, 1, 1, 255], [0, 0, 1, 1], 2, unlabelled_column=True)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    arguments.whole("segmentation_confusion_matrix", "num_classes", num_classes, 1, UNLABELLED)
    expect_same_classes({"the prediction": class_names_of(predicted), "the truth": class_names_of(truth)})
    pairs = count_pairs(predicted, truth, num_classes)
    refuse_masks(pairs, num_classes, predicted, truth)
    return class_counts(pairs, num_classes, unlabelled_column=unlabelled_column)


def normalized_confusion_matrix(matrix: ArrayLike) -> NDArray[np.float64]:
    """Divide each row of a confusion matrix by the number of pixels of its true class.

    Takes (M, M), or (M, M + 1) with the column of unlabelled predictions, which counts in the row sums
    and is left out of the result. Returns float64 (M, M); the row of a class without true pixels is NaN.
    Raises DataError for a matrix of another shape or with numbers that are no counts.
    Source: MATLAB, evaluateSemanticSegmentation.

    >>> normalized_confusion_matrix([[3, 1], [0, 5]])
    array([[0.75, 0.25],
           [0.  , 1.  ]])
    """
    counts = _checked("normalized_confusion_matrix", matrix)
    return ratio(counts[:, : len(counts)], counts.sum(axis=1, keepdims=True))


def confusion_metrics(matrix: ArrayLike) -> ConfusionMetrics:
    """Metrics of a confusion matrix n with t_i = sum_j n_ij pixels of true class i.

    Class accuracy n_ii / t_i; class IoU n_ii / (t_i + sum_j n_ji - n_ii); global accuracy
    sum n_ii / sum t_i; weighted IoU sum t_i IoU_i / sum t_i; the means run over the classes that have
    a value. So a class without true pixels has accuracy NaN and is left out of the mean accuracy; its IoU is
    0 and counts if it was predicted somewhere, and is NaN and left out if it occurs nowhere.

    Takes (M, M), or (M, M + 1) with the column of unlabelled predictions (see
    :func:`segmentation_confusion_matrix`). Raises DataError for a matrix of another shape or with numbers
    that are no counts. Source: MATLAB, evaluateSemanticSegmentation; Long et al. 2015, section 5.

    >>> found = confusion_metrics([[4730, 0], [9601, 88069]])
    >>> round(found.global_accuracy, 5), round(found.mean_iou, 5)
    (0.90624, 0.61588)
    """
    counts = _checked("confusion_metrics", matrix)
    size = len(counts)
    hits, true, said = np.diagonal(counts), counts.sum(axis=1), counts[:, :size].sum(axis=0)
    accuracy, iou = ratio(hits, true), ratio(hits, true + said - hits)
    return ConfusionMetrics(
        accuracy,
        iou,
        float(ratio(hits.sum(), true.sum())),
        _mean(accuracy),
        _mean(iou),
        float(ratio(np.nansum(true * iou), true.sum())),
    )


def ratio(above: ArrayLike, below: ArrayLike) -> NDArray[np.float64]:
    """``above / below`` element by element, NaN where ``below`` is 0, without a warning.

    >>> ratio([1, 0], [2, 0])
    array([0.5, nan])
    """
    top, bottom = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    quotient = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=quotient, where=bottom != 0)
    return quotient


def _mean(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(ratio(known.sum(), known.size))


def _checked(call: str, matrix: ArrayLike) -> NDArray[np.float64]:
    """The counts, exact below 2**53, and rounded beyond, where whole numbers of 64 bits would overflow."""
    counts = numbers(matrix, f"{call}: matrix")
    if counts.ndim != 2 or counts.shape[1] - counts.shape[0] not in (0, 1) or counts.size == 0:
        raise DataError(
            "a confusion matrix has one row and one column a class (and may have one more column, for "
            f"pixels predicted as unlabelled), got an array of shape {counts.shape}"
        )
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise DataError(f"{call}: matrix must hold counts of 0 or more, got {quoted(counts.tolist())}")
    return counts.astype(np.float64)
