"""Random noise and random blur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from layergraph.data.augmentation.parts import Array, Parts, rounded, working_type
from layergraph.data.augmentation.ranges import Range, drawn, interval
from layergraph.data.randomness import item_generator

_LEAST = 0.1  # pixels; the neighbors would weigh 1e-22
_REACH = 4  # standard deviations; further pixels together weigh less than 1e-4


@dataclass(frozen=True, kw_only=True)
class GaussianNoise:
    """Normally distributed noise on the first image of an item; labels stay as they are.

    Each pixel and each channel has a number of its own. Whole numbers are rounded and limited to their type
    afterwards, decimals are not limited.

    Args:
        standard_deviation: of the noise, in the units of the image: 10 is much for 8-bit images, and 0.04 as
            much for images from 0 to 1. A range ``(min, max)``, drawn once per item, or a function without
            arguments.

    Raises:
        ArgumentError: a range that is no pair of numbers in order, or a negative deviation.
        DataError: at a call, a boolean image.

    >>> image, labels = GaussianNoise(standard_deviation=(0, 10))(
    ...     (np.full((32, 32, 3), 255, np.uint8), np.zeros((32, 32), np.uint8))
    ... )
    >>> image.dtype, int(image.max()), int(labels.max())
    (dtype('uint8'), 255, 0)
    """

    standard_deviation: Range

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, item: Any) -> Any:
        """The item with noise on its first image."""
        return Parts(type(self).__name__, item).change_first(self._change)

    def _change(self, image: Array) -> Array:
        dtype = working_type((image,))
        deviation = drawn(self, "standard_deviation", self.standard_deviation, 0)
        noise = item_generator().standard_normal(image.shape, dtype)
        noise *= dtype(deviation)
        noise += image
        return rounded(noise, image)


@dataclass(frozen=True, kw_only=True)
class GaussianBlur:
    """The first image of an item, or volume, blurred by a Gaussian filter; labels stay as they are.

    Pixels beyond the edge have the value of the nearest pixel of the image.

    Args:
        standard_deviation: of the filter along each axis, in pixels; 0 changes nothing. A range
            ``(min, max)``, drawn once per item, or a function without arguments.

    Raises:
        ArgumentError: a range that is no pair of numbers in order, or a negative deviation.
        DataError: at a call, a boolean image.

    >>> image = np.zeros((9, 9, 1))
    >>> image[4, 4] = 1
    >>> blurred = GaussianBlur(standard_deviation=(1, 1))(image)
    >>> round(float(blurred.sum()), 6), round(float(blurred.max()), 3)
    (1.0, 0.159)
    """

    standard_deviation: Range

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, item: Any) -> Any:
        """The item with its first image blurred."""
        return Parts(type(self).__name__, item).change_first(self._change)

    def _change(self, image: Array) -> Array:
        deviation = drawn(self, "standard_deviation", self.standard_deviation, 0)
        if deviation < _LEAST:
            return image.copy()
        values = np.ascontiguousarray(np.moveaxis(image, -1, 0)).astype(working_type((image,)))
        for axis in range(1, values.ndim):
            values = _filtered(values, axis, deviation)
        return rounded(np.ascontiguousarray(np.moveaxis(values, 0, -1)), image)


def _filtered(values: Array, axis: int, deviation: float) -> Array:
    """The values, filtered along one axis: a Gaussian is the product of those of the axes."""
    reach = int(np.ceil(_REACH * deviation))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    weights = (weights / weights.sum()).astype(values.dtype)
    widths = [(reach, reach) if each == axis else (0, 0) for each in range(values.ndim)]
    padded = np.pad(values, widths, mode="edge")
    # as sums of shifted arrays, whose rows stay in one piece in memory whatever the axis
    result = np.zeros_like(values)
    for start, weight in enumerate(weights):
        window = [slice(None)] * values.ndim
        window[axis] = slice(start, start + values.shape[axis])
        result += weight * padded[tuple(window)]
    return result


def _check(augmentation: GaussianNoise | GaussianBlur) -> None:
    checked = interval(augmentation, "standard_deviation", augmentation.standard_deviation, 0)
    object.__setattr__(augmentation, "standard_deviation", checked)
