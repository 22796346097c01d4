"""The confusion matrix of label images, and its metrics."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.label_array import class_names_of
from layergraph.errors import DataError
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.segmentation.arrays import real_array
from layergraph.segmentation.evaluation.counting import (
    class_counts,
    common_classes,
    count_pairs,
    refuse_masks,
)
from layergraph.segmentation.evaluation.scores import pixel_counts, ratio, scores
from layergraph.wording import quoted


class ConfusionMetrics(NamedTuple):
    """The metrics of a confusion matrix: two per class and four for all classes. NaN means 0/0."""

    accuracy: NDArray[np.float64]
    iou: NDArray[np.float64]
    global_accuracy: float
    mean_accuracy: float
    mean_iou: float
    weighted_iou: float


def segmentation_confusion_matrix(
    predicted: ArrayLike, truth: ArrayLike, num_classes: int, *, unlabeled_column: bool = False
) -> NDArray[np.int64]:
    """Count the pixels of each true class (rows) by the class predicted for them (columns).

    ``predicted`` and ``truth`` are integer arrays of one shape holding class indices
    ``0 .. num_classes - 1`` or 255 (unlabeled). Pixels unlabeled in the truth are skipped.
    Pixels predicted as unlabeled are wrong for their class but belong to no class column;
    ``unlabeled_column=True`` counts them in an additional last column, so that each row sums to the
    pixels of its true class.

    Returns an int64 array (num_classes, num_classes), or (num_classes, num_classes + 1).
    Raises DataError for unequal shapes, labels out of range, and plain arrays that hold only 0 and 255 (a
    mask; ``LabelArray`` marks them as labels), WrongTypeError for arrays that do not hold integers,
    ArgumentError for a number of classes out of range. Source: MATLAB, segmentationConfusionMatrix.

    >>> segmentation_confusion_matrix([0, 1, 1, 255], [0, 0, 1, 1], 2)
    array([[1, 1],
           [0, 1]])
    >>> segmentation_confusion_matrix([0, 1, 1, 255], [0, 0, 1, 1], 2, unlabeled_column=True)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    call = "segmentation_confusion_matrix"
    return count_classes(call, predicted, truth, num_classes, unlabeled_column=unlabeled_column)


def count_classes(
    call: str, predicted: ArrayLike, truth: ArrayLike, num_classes: int, *, unlabeled_column: bool = True
) -> NDArray[np.int64]:
    """The confusion matrix, for a public function whose name ``call`` is in errors.

    >>> count_classes("dice", [0, 1, 1, 255], [0, 0, 1, 1], 2)
    array([[1, 1, 0],
           [0, 1, 1]])
    """
    num_classes = arguments.whole(call, "num_classes", num_classes, 1, UNLABELED)
    # before the pixels: unequal classes would make counts that are valid and mean nothing
    common_classes({"predicted": class_names_of(predicted), "truth": class_names_of(truth)}, call)
    pairs = count_pairs(predicted, truth, num_classes, call)
    refuse_masks(pairs, num_classes, predicted, truth, call)
    return class_counts(pairs, num_classes, unlabeled_column=unlabeled_column)


def normalized_confusion_matrix(matrix: ArrayLike) -> NDArray[np.float64]:
    """Divide each row of a confusion matrix by the number of pixels of its true class.

    Takes (M, M), or (M, M + 1) with the column of unlabeled predictions, which is part of the row sums
    but not of the result. Returns float64 (M, M); the row of a class without true pixels is NaN.
    Raises DataError for a matrix of another shape or with numbers that are not counts.
    Source: MATLAB, evaluateSemanticSegmentation.

    >>> normalized_confusion_matrix([[3, 1], [0, 5]])
    array([[0.75, 0.25],
           [0.  , 1.  ]])
    """
    counts = _require_counts("normalized_confusion_matrix", matrix)
    # the row sums include the unlabeled predictions, so rows of the result may sum to less than 1
    return ratio(counts[:, : len(counts)], counts.sum(axis=1, keepdims=True))


def confusion_metrics(matrix: ArrayLike) -> ConfusionMetrics:
    """Metrics of a confusion matrix n with t_i = sum_j n_ij pixels of true class i.

    Class accuracy n_ii / t_i; class IoU n_ii / (t_i + sum_j n_ji - n_ii); global accuracy
    sum n_ii / sum t_i; weighted IoU sum t_i IoU_i / sum t_i; the means run over the classes that have
    a value. A class without true pixels has accuracy NaN, which the mean accuracy omits; its IoU is
    0 if some pixel is predicted as the class, else NaN, which the mean IoU omits.

    Takes (M, M), or (M, M + 1) with the column of unlabeled predictions (see
    :func:`segmentation_confusion_matrix`). Raises DataError for a matrix of another shape or with numbers
    that are not counts. Source: MATLAB, evaluateSemanticSegmentation; Long et al. 2015, section 5.

    >>> metrics = confusion_metrics([[4730, 0], [9601, 88069]])
    >>> round(metrics.global_accuracy, 5), round(metrics.mean_iou, 5)
    (0.90624, 0.61588)
    """
    counts = _require_counts("confusion_metrics", matrix)
    values = scores(pixel_counts(counts))
    return ConfusionMetrics(
        values.accuracy,
        values.iou,
        float(values.global_accuracy),
        float(values.mean_accuracy),
        float(values.mean_iou),
        float(values.weighted_iou),
    )


def _require_counts(call: str, matrix: ArrayLike) -> NDArray[np.float64]:
    """The counts as float64: exact below 2**53, and rounded above, where int64 sums could overflow."""
    counts = real_array(matrix, f"{call}: matrix")
    if counts.ndim != 2 or counts.shape[1] - counts.shape[0] not in (0, 1) or counts.size == 0:
        raise DataError(
            f"{call}: matrix must have one row and one column per class (and may have one more column, for "
            f"pixels predicted as unlabeled), got an array of shape {counts.shape}"
        )
    # infinity and NaN are refused here, since they would pass through all metrics without an error
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise DataError(f"{call}: matrix must hold counts of 0 or more, got {quoted(counts.tolist())}")
    return counts.astype(np.float64)
