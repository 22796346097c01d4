"""Metrics from the pixels of each class: right ones, true ones, predicted ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Scores(NamedTuple):
    """Metrics of one or many sets of pixels: two per class (..., M) and four for all classes (...)."""

    accuracy: NDArray[np.float64]
    iou: NDArray[np.float64]
    global_accuracy: NDArray[np.float64]
    mean_accuracy: NDArray[np.float64]
    mean_iou: NDArray[np.float64]
    weighted_iou: NDArray[np.float64]


def pixel_counts(matrix: NDArray[Any]) -> NDArray[Any]:
    """The pixels (3, M) of each class that are right, true and predicted, of a confusion matrix.

    The matrix is (M, M), or (M, M + 1) with the column of unlabeled predictions, which counts among the true
    pixels alone.

    >>> pixel_counts(np.array([[1, 2, 0], [0, 3, 4]])).tolist()
    [[1, 3], [3, 7], [1, 5]]
    """
    size = len(matrix)
    return np.stack([np.diagonal(matrix), matrix.sum(axis=1), matrix[:, :size].sum(axis=0)])


def scores(counts: NDArray[Any]) -> Scores:
    """The metrics of pixels (..., 3, M): right, true and predicted ones of each class.

    :func:`confusion_metrics` has the formulas.

    >>> scores(np.array([[1, 3], [3, 7], [1, 5]])).iou
    array([0.33333333, 0.33333333])
    """
    hits, true, predicted = np.moveaxis(np.asarray(counts, np.float64), -2, 0)
    # hits are in both sums of the union, so that one of them is subtracted
    accuracy, iou = ratio(hits, true), ratio(hits, true + predicted - hits)
    total = true.sum(axis=-1)
    return Scores(
        accuracy,
        iou,
        ratio(hits.sum(axis=-1), total),
        known_mean(accuracy),
        known_mean(iou),
        # nansum: a class that does not occur has the weight 0, but 0 * NaN is NaN
        ratio(np.nansum(true * iou, axis=-1), total),
    )


def ratio(above: ArrayLike, below: ArrayLike) -> NDArray[np.float64]:
    """``above / below`` element by element, NaN where ``below`` is 0, without a warning.

    >>> ratio([1, 0], [2, 0])
    array([0.5, nan])
    """
    top, bottom = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    # np.divide leaves elements of `out` as they are where `where` is False
    quotient = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=quotient, where=bottom != 0)
    return quotient


def known_mean(values: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """The mean over an axis of the values that are not NaN; NaN where all are.

    >>> known_mean(np.array([[1, np.nan], [np.nan, np.nan]])).tolist()
    [1.0, nan]
    """
    # np.nanmean warns where all values are NaN
    return ratio(np.nansum(values, axis=axis), (~np.isnan(values)).sum(axis=axis))
