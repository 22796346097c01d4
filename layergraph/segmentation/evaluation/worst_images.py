"""The images with the lowest scores, as small pictures for the page of results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_MOST = 8
_LONGEST_SIDE = 960  # pixels of a picture; a page needs no more, and the memory stays bounded


class WorstImage(NamedTuple):
    """One image: its position, its mean IoU, and its picture uint8 (h, w, 3) and labels uint8 (h, w).

    Of a large image every second, third, ... pixel.
    """

    position: int
    mean_iou: float
    picture: NDArray[np.uint8] | None
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]


def worst(images: Iterable[WorstImage]) -> tuple[WorstImage, ...]:
    """The eight images with the lowest mean IoU, the lowest first."""
    return tuple(sorted(images, key=lambda image: (image.mean_iou, image.position))[:_MOST])


def is_among_worst(mean_iou: float, images: tuple[WorstImage, ...]) -> bool:
    """Whether an image after these would be one of the worst; without labeled pixels (NaN) none is.

    >>> is_among_worst(0.5, ()), is_among_worst(float("nan"), ())
    (True, False)
    """
    return mean_iou < images[-1].mean_iou if len(images) == _MOST else mean_iou == mean_iou


def reduced(pixels: NDArray[np.uint8], longest: int = _LONGEST_SIDE) -> NDArray[np.uint8]:
    """A copy of every pixel of an image with sides up to ``longest``, else of every n-th pixel.

    >>> reduced(np.zeros((100, 1000), np.uint8)).shape
    (50, 500)
    """
    step = -(-max(pixels.shape[:2]) // longest) or 1
    # no mean of neighbors: the mean of two classes is another class
    return pixels[::step, ::step].copy()
