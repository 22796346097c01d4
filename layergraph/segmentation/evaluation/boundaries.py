"""Boundaries of classes, and how near those of predictions are to the true ones."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import MissingExtraError
from layergraph.labels import UNLABELED

Mask = NDArray[np.bool_]

DEFAULT_THRESHOLD = 0.0075
"""The distance of boundaries that counts as near, as a part of the image's diagonal (Csurka et al. 2013)."""


class BoundaryMatch(NamedTuple):
    """The score of a boundary, and the two parts of which it is the harmonic mean."""

    score: float
    precision: float
    recall: float


class Boundary:
    """The boundary of a mask: its pixels that have a neighbor outside, and the pixels near them.

    Neighbors share a side: 4 in an image, 6 in a volume. Beyond the border of the image is outside.
    """

    def __init__(self, mask: Mask, threshold: float) -> None:
        # binary_erosion takes these neighbors and that border by default
        self.points: Mask = mask & ~ndimage().binary_erosion(mask)
        self.count = int(np.count_nonzero(self.points))
        self._threshold = threshold

    @cached_property
    def _near(self) -> tuple[tuple[slice, ...], Mask]:
        """The part of the image where pixels can be near, and which of them are."""
        (box,) = ndimage().find_objects(self.points.astype(np.uint8))
        # farther from the box than the threshold, no pixel is near: most classes fill a small part
        margin = int(min(self._threshold, max(self.points.shape))) + 1
        box = tuple(slice(max(side.start - margin, 0), side.stop + margin) for side in box)
        return box, ndimage().distance_transform_edt(~self.points[box]) <= self._threshold

    def part_near(self, other: Boundary) -> float:
        """The part of these points that are near the other boundary; NaN without points."""
        if not self.count:
            return math.nan
        if not other.count:
            return 0.0
        box, near = other._near
        return float(np.count_nonzero(near & self.points[box]) / self.count)


def match(predicted: Boundary, truth: Boundary) -> BoundaryMatch:
    """Precision, recall and their harmonic mean; NaN without any boundary, 0 where only one has none.

    >>> match(Boundary(np.array([[True, False]]), 1), Boundary(np.array([[False, True]]), 1)).score
    1.0
    """
    precision, recall = predicted.part_near(truth), truth.part_near(predicted)
    if not predicted.count and not truth.count:
        return BoundaryMatch(math.nan, precision, recall)
    # the sum is NaN where one has no boundary
    total = precision + recall
    return BoundaryMatch(2 * precision * recall / total if total > 0 else 0.0, precision, recall)


def class_matches(
    predicted: NDArray[Any], truth: NDArray[Any], threshold: float
) -> Iterable[tuple[int, BoundaryMatch, float]]:
    """For each class of two label images its index, its match, and the score of a prediction of it alone.

    Pixels unlabeled in the truth belong to no class in both images.
    """
    labeled = truth != UNLABELED
    found = np.where(labeled, predicted, UNLABELED)
    # the prediction "all of it is this class" has one boundary, whatever the class
    everywhere = Boundary(labeled, threshold)
    present = np.bincount(np.concatenate([found.ravel(), truth.ravel()]), minlength=UNLABELED + 1)
    for index in np.flatnonzero(present[:UNLABELED]).tolist():
        true = Boundary(truth == index, threshold)
        own = match(Boundary(found == index, threshold), true)
        yield index, own, match(everywhere, true).score


def default_threshold(shape: tuple[int, ...]) -> float:
    """0.75 % of the diagonal, in pixels.

    >>> default_threshold((360, 480))
    4.5
    """
    return DEFAULT_THRESHOLD * math.hypot(*shape)


def ndimage() -> Any:
    """SciPy's module of images.

    Raises:
        MissingExtraError: SciPy is not installed.
    """
    try:
        # imported here: it costs 100 ms, and no other metric needs it
        from scipy import ndimage
    except ImportError:
        raise MissingExtraError(
            "bfscore needs the package scipy, which is not installed: "
            'pip install "layergraph[train]", or choose other metrics'
        ) from None
    return ndimage
