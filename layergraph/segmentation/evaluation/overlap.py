"""Overlap of label images per class: Jaccard (IoU) and Dice."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.segmentation.evaluation.confusion import confusion_metrics, count_classes, ratio


def jaccard(predicted: ArrayLike, truth: ArrayLike, num_classes: int) -> NDArray[np.float64]:
    """Intersection over union of each class, |A ∩ B| / |A ∪ B|.

    ``predicted`` and ``truth`` are integer arrays of one shape with class indices or 255 (unlabeled);
    pixels unlabeled in the truth are skipped. Returns float64 (num_classes,), NaN for a class that
    occurs in neither. Raises the errors of :func:`segmentation_confusion_matrix`. Source: MATLAB, jaccard.

    >>> jaccard([[0, 1], [1, 1]], [[0, 0], [1, 1]], 3)
    array([0.5       , 0.66666667,        nan])
    """
    return confusion_metrics(count_classes("jaccard", predicted, truth, num_classes)).iou


def dice(predicted: ArrayLike, truth: ArrayLike, num_classes: int) -> NDArray[np.float64]:
    """Dice similarity of each class, 2 |A ∩ B| / (|A| + |B|) = 2 J / (1 + J) with J the Jaccard index.

    Arguments, result and errors are those of :func:`jaccard`. Source: MATLAB, dice.

    >>> dice([[0, 1], [1, 1]], [[0, 0], [1, 1]], 3)
    array([0.66666667, 0.8       ,        nan])
    """
    counts = count_classes("dice", predicted, truth, num_classes)
    # pixels predicted as unlabeled are in the row sums (the truth) and in no prediction
    predicted_pixels = counts[:, :num_classes].sum(axis=0)
    return ratio(2 * np.diagonal(counts), counts.sum(axis=1) + predicted_pixels)
