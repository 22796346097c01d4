"""The confusion matrix of label images, and the metrics that follow from it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.errors import DataError, WrongTypeError
from layergraph.labels import UNLABELLED


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
    Raises DataError for unequal shapes, labels outside the range and more than 255 classes,
    WrongTypeError for arrays that are not of integers. Source: MATLAB, segmentationConfusionMatrix.

    >>> segmentation_confusion_matrix([0, 1, 1, 255], [0, 0, 1, 1], 2)
    array([[1, 1],
           [0, 1]])
    >>> segmentation_confusion_matrix([0, 1, 1, 255], [0, 0, 1, 1], 2, unlabelled_column=True)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    if not 1 <= num_classes <= UNLABELLED:
        raise DataError(f"num_classes must be 1 to {UNLABELLED}, got {num_classes}")
    columns = _label_bytes(predicted, num_classes, "the prediction")
    rows = _label_bytes(truth, num_classes, "the truth")
    if columns.shape != rows.shape:
        raise DataError(
            f"the prediction is {_size(columns)} and the truth {_size(rows)}; "
            "both must have one size, so segment the image at the size of its truth"
        )
    # one pass over the pixels: two bytes side by side make one number
    pairs = (rows.ravel().astype(np.uint16) << 8) | columns.ravel()
    table = np.bincount(pairs, minlength=1 << 16).reshape(256, 256)
    kept = [*range(num_classes), UNLABELLED] if unlabelled_column else list(range(num_classes))
    return np.ascontiguousarray(table[:num_classes, kept], dtype=np.int64)


def normalized_confusion_matrix(matrix: ArrayLike) -> NDArray[np.float64]:
    """Divide each row of a confusion matrix by the number of pixels of its true class.

    Takes (M, M), or (M, M + 1) with the column of unlabelled predictions, which counts in the row sums
    and is left out of the result. Returns float64 (M, M); the row of a class without true pixels is NaN.
    Raises DataError for a matrix of another shape. Source: MATLAB, evaluateSemanticSegmentation.

    >>> normalized_confusion_matrix([[3, 1], [0, 5]])
    array([[0.75, 0.25],
           [0.  , 1.  ]])
    """
    counts = _checked(matrix)
    return ratio(counts[:, : len(counts)], counts.sum(axis=1, keepdims=True))


def confusion_metrics(matrix: ArrayLike) -> ConfusionMetrics:
    """Metrics of a confusion matrix n with t_i = sum_j n_ij pixels of true class i.

    Class accuracy n_ii / t_i; class IoU n_ii / (t_i + sum_j n_ji - n_ii); global accuracy
    sum n_ii / sum t_i; weighted IoU sum t_i IoU_i / sum t_i; the means run over the classes that have
    a value. So a class without true pixels has accuracy NaN and is left out of the mean accuracy; its IoU is
    0 and counts if it was predicted somewhere, and is NaN and left out if it occurs nowhere.

    Takes (M, M), or (M, M + 1) with the column of unlabelled predictions (see
    :func:`segmentation_confusion_matrix`). Raises DataError for a matrix of another shape.
    Source: MATLAB, evaluateSemanticSegmentation; Long et al. 2015, section 5.

    >>> found = confusion_metrics([[4730, 0], [9601, 88069]])
    >>> round(found.global_accuracy, 5), round(found.mean_iou, 5)
    (0.90624, 0.61588)
    """
    counts = _checked(matrix)
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


def _checked(matrix: ArrayLike) -> NDArray[Any]:
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[1] - counts.shape[0] not in (0, 1) or counts.size == 0:
        raise DataError(
            "a confusion matrix has one row and one column a class (and may have one more column, for "
            f"pixels predicted as unlabelled), got an array of shape {counts.shape}"
        )
    return counts


def _label_bytes(labels: ArrayLike, num_classes: int, what: str) -> NDArray[np.uint8]:
    """The labels as bytes, or an error that names the first one outside the range."""
    array = np.asarray(labels)
    if array.dtype.kind not in "bui" and array.size:
        raise WrongTypeError(f"{what} must hold integer class indices, got an array of {array.dtype}")
    # the extremes first: where they are in range (most images), no mask is made
    if array.size and (array.min() < 0 or array.max() >= num_classes):
        strange = array[((array < 0) | (array >= num_classes)) & (array != UNLABELLED)]
        if strange.size:
            raise DataError(
                f"{what} holds the label {strange[0]}; labels are 0 to {num_classes - 1} "
                f"for {num_classes} classes, or {UNLABELLED} for unlabelled"
            )
    return array.astype(np.uint8, copy=False)


def _size(array: NDArray[Any]) -> str:
    return "×".join(map(str, array.shape)) or "one number"
