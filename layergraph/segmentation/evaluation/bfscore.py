"""The boundary F1 score of label images and masks."""

from __future__ import annotations

from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.errors import DataError
from layergraph.layers import arguments
from layergraph.segmentation.evaluation.boundaries import (
    Boundary,
    BoundaryMatch,
    class_matches,
    default_threshold,
    match,
)
from layergraph.segmentation.evaluation.label_pair import label_pair

Mask = NDArray[np.bool_]


class BoundaryScores(NamedTuple):
    """Boundary scores of each class, float64 (num_classes,)."""

    score: NDArray[np.float64]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]


@overload
def bfscore(predicted: Mask, truth: Mask, threshold: float | None = ...) -> BoundaryMatch: ...
@overload
def bfscore(
    predicted: ArrayLike, truth: ArrayLike, threshold: float | None = ..., *, num_classes: int | None = ...
) -> BoundaryScores: ...
def bfscore(
    predicted: ArrayLike,
    truth: ArrayLike,
    threshold: float | None = None,
    *,
    num_classes: int | None = None,
) -> Any:
    """The boundary F1 score: how well predicted boundaries follow the true ones, of each class or two masks.

    Precision is the part of the predicted boundary at most ``threshold`` pixels (Euclidean distance) from the
    true one, recall the part of the true boundary so near the predicted one, and the score their harmonic
    mean. The boundary of a class is its pixels with a neighbor that is not of the class; neighbors share a
    side (4 in an image), and the image ends in a boundary, as in MATLAB's bwperim.

    ``predicted``, ``truth`` and ``num_classes`` are those of :func:`jaccard`; pixels unlabeled in the truth
    belong to no class in both. ``threshold`` is by default 0.75 % of the image's diagonal.

    Returns (score, precision, recall), each float64 (num_classes,), or floats for masks. The score is NaN for
    a class that occurs in neither, and 0 for a class that occurs in one.
    Raises the errors of :func:`jaccard`, DataError for arrays that are no images, ArgumentError for a
    negative ``threshold``, MissingExtraError without SciPy. Source: MATLAB, bfscore; Csurka et al. 2013, What
    is a good evaluation measure for semantic segmentation?

    >>> truth = np.zeros((9, 9), bool)
    >>> truth[2:7, 2:7] = True
    >>> predicted = np.roll(truth, 2, axis=1)
    >>> round(bfscore(predicted, truth, 1).score, 3), bfscore(predicted, truth, 2).score
    (0.625, 1.0)
    """
    pair = label_pair("bfscore", predicted, truth, num_classes)
    if pair.truth.ndim < 2:
        raise DataError(f"bfscore: truth must be an image (H, W), got the shape {pair.truth.shape}")
    if threshold is None:
        threshold = default_threshold(pair.truth.shape)
    threshold = arguments.number("bfscore", "threshold", threshold, 0)
    if pair.are_masks:
        return match(Boundary(pair.predicted == 1, threshold), Boundary(pair.truth == 1, threshold))
    columns = np.full((3, pair.num_classes), np.nan)
    for index, own, _ in class_matches(pair.predicted, pair.truth, threshold):
        columns[:, index] = own
    return BoundaryScores(*columns)


def image_bfscores(
    predicted: NDArray[Any], truth: NDArray[Any], num_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The scores (num_classes,) of two label images, and those of the prediction "all of it is this class".

    >>> image = np.array([[0, 0], [1, 1]])
    >>> [values.tolist() for values in image_bfscores(image, image, 3)]
    [[1.0, 1.0, nan], [0.6666666666666666, 0.6666666666666666, nan]]
    """
    columns = np.full((2, num_classes), np.nan)
    for index, own, alone in class_matches(predicted, truth, default_threshold(truth.shape)):
        columns[:, index] = own.score, alone
    return columns[0], columns[1]
