"""Windows of an image or volume: at the center, at random, or at random around a pixel of a random class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.augmentation.parts import Parts
from layergraph.data.randomness import item_generator
from layergraph.errors import DataError
from layergraph.labels import UNLABELED
from layergraph.wording import times

Window = tuple[slice, ...]


def crop(parts: Parts, window: Window) -> Any:
    """The item within a window."""
    return parts.change(
        lambda image: np.ascontiguousarray(image[window]), lambda labels: np.ascontiguousarray(labels[window])
    )


def center_window(parts: Parts, size: tuple[int, ...]) -> Window:
    """The window of this size at the center."""
    _check(parts, size)
    starts = ((n - m) // 2 for n, m in zip(parts.spatial, size, strict=True))
    return _window(starts, size)


def random_window(parts: Parts, size: tuple[int, ...], *, is_class_balanced: bool = False) -> Window:
    """A window of this size, each position equally probable; or one that contains a pixel of a random class.

    With ``is_class_balanced``, each class of the labels is equally probable, then each of its pixels, then
    each window that contains the pixel. Labels without any class give any window.
    """
    _check(parts, size)
    random = item_generator()
    low = np.zeros(len(size), np.int64)
    high = np.array(parts.spatial, np.int64) - np.array(size, np.int64)
    pixel = _pixel_of_random_class(parts, random) if is_class_balanced else None
    if pixel is not None:
        low, high = np.maximum(low, pixel - np.array(size, np.int64) + 1), np.minimum(high, pixel)
    return _window(random.integers(low, high, endpoint=True).tolist(), size)


def _pixel_of_random_class(parts: Parts, random: np.random.Generator) -> NDArray[np.int64] | None:
    if parts.labels is None:
        raise DataError(
            f"{parts.owner}: class_balanced needs labels (whole numbers, without channels) beside the image, "
            "got none; combine the images with labels, or leave it out"
        )
    labels = np.asarray(parts.labels).ravel()
    present = np.flatnonzero(np.bincount(labels, minlength=UNLABELED + 1))
    present = present[present != UNLABELED]
    if not len(present):
        return None
    pixels = np.flatnonzero(labels == random.choice(present))
    return np.array(np.unravel_index(random.choice(pixels), parts.spatial), np.int64)


def _check(parts: Parts, size: tuple[int, ...]) -> None:
    if len(size) != len(parts.spatial) or any(m > n for m, n in zip(size, parts.spatial, strict=True)):
        raise DataError(
            f"{parts.owner}: the image must be at least {times(size)}, got {times(parts.spatial)}; resize "
            "it, leave it out, or give a smaller size"
        )


def _window(starts: Any, size: tuple[int, ...]) -> Window:
    return tuple(slice(start, start + m) for start, m in zip(starts, size, strict=True))
