"""The rectangle of an image to segment: its crop, and results at the size of the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError, DataError
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.segmentation.predictors.predictor import Scores
from layergraph.wording import times

_ROWS = 256  # of an empty band, so that an image larger than memory has no band of its size


class Band(NamedTuple):
    """Rows of the result of an image: labels (rows, W), scores (rows, W, num_classes) where they are asked
    for, and the number of classes. Those of a volume have the depth after the width."""

    labels: NDArray[np.uint8]
    scores: Scores | None
    num_classes: int


class Region(NamedTuple):
    """The first position and the size in each dimension of the image: rows, columns, slices."""

    start: tuple[int, ...]
    size: tuple[int, ...]

    @property
    def slices(self) -> tuple[slice, ...]:
        """The region as an index of an array."""
        return tuple(slice(first, first + size) for first, size in zip(self.start, self.size, strict=True))

    def check(self, spatial: Sequence[int], name: str) -> None:
        """Raise DataError if an image of this size and name does not contain the region."""
        ends = (first + size for first, size in zip(self.start, self.size, strict=True))
        if any(end > size for end, size in zip(ends, spatial, strict=True)):
            raise DataError(
                f"semanticseg: roi must be within the image, got {times(self.size)} from the position "
                f"{self.start} (row, column) for {name}, which is {times(spatial)}"
            )

    def paste(self, bands: Iterator[Band], spatial: tuple[int, ...]) -> Iterator[Band]:
        """The bands of the region as those of the image: outside labels are 255, and scores NaN."""
        num_classes, has_scores = 0, False
        done = 0

        def empty(last: int) -> Iterator[Band]:
            for first in range(done, last, _ROWS):
                shape = (min(_ROWS, last - first), *spatial[1:])
                scores = np.full((*shape, num_classes), np.nan, np.float32) if has_scores else None
                yield Band(np.full(shape, UNLABELED, np.uint8), scores, num_classes)

        for band in bands:
            if band.labels.shape[1:] != self.size[1:]:
                raise ArgumentError(
                    "semanticseg: roi must be None for a network whose scores are smaller than its image, "
                    f"got labels of {times(band.labels.shape)} for {times(self.size)} pixels"
                )
            num_classes, has_scores = band.num_classes, band.scores is not None
            if not done:
                yield from empty(self.start[0])
                done = self.start[0]
            shape = (len(band.labels), *spatial[1:])
            inside = (slice(None), *self.slices[1:])
            labels = np.full(shape, UNLABELED, np.uint8)
            labels[inside] = band.labels
            scores: Any = None
            if band.scores is not None:
                scores = np.full((*shape, num_classes), np.nan, band.scores.dtype)
                scores[inside] = band.scores
            yield Band(labels, scores, num_classes)
            done += len(band.labels)
        yield from empty(spatial[0])


def region_of_interest(roi: Sequence[int] | None, rank: int) -> Region | None:
    """The region of MATLAB's form (x, y, width, height), with positions from 0; None for the whole image.

    A volume takes (x, y, z, width, height, depth). x counts columns, and y rows.

    Raises:
        ArgumentError: other numbers.

    >>> region_of_interest((10, 0, 5, 3), 2)
    Region(start=(0, 10), size=(3, 5))
    """
    if roi is None:
        return None
    numbers = (
        arguments.per_dimension("semanticseg", "roi", roi, 2 * rank, 0)
        if arguments.length(roi) == 2 * rank
        else ()
    )
    if not numbers or 0 in numbers[rank:]:
        form = "(x, y, width, height)" if rank == 2 else "(x, y, z, width, height, depth)"
        raise ArgumentError(
            f"semanticseg: roi must be {form} in whole numbers, positions from 0 and at least one pixel, got "
            f"{roi!r}"
        )
    (x, y, *z), (width, height, *depth) = numbers[:rank], numbers[rank:]
    return Region((y, x, *z), (height, width, *depth))
