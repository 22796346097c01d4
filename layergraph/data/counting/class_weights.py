"""Class weights from pixel counts."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError, DataError, DataWarning
from layergraph.layers.arguments import number
from layergraph.tables import Table
from layergraph.wording import listed

Weights = tuple[float, ...]

_EVEN = 1.01  # largest ratio of weights that are all the same in practice
_UNEVEN = 2  # smallest ratio of counts for which that is a mistake


def median_frequency_weights(counts: Table) -> Weights:
    """Class weights that give rare classes more weight: ``median(f) / f``, one per class.

    ``f = pixel_count / image_pixel_count`` is the share of a class in the images that contain it. ``counts``
    is a table from ``count_each_label``. Raises ``DataError`` if a class has no pixels. Source: Eigen and
    Fergus, "Predicting Depth, Surface Normals and Semantic Labels with a Common Multi-Scale Convolutional
    Architecture", ICCV 2015.

    >>> counts = {"name": ["sky", "road", "pole"], "pixel_count": [50, 25, 5], "image_pixel_count": [100] * 3}
    >>> median_frequency_weights(Table(counts))
    (0.5, 1.0, 5.0)
    """
    pixels = _pixel_counts(counts, "median_frequency_weights")
    if len(counts) == 0:
        return ()  # NumPy warns of the median of nothing
    frequency = pixels / counts.image_pixel_count
    return _weights(np.median(frequency) / frequency)


def inverse_frequency_weights(counts: Table) -> Weights:
    """Class weights ``1 / f``, one per class, with which each class counts the same in total.

    ``f = pixel_count / sum(pixel_count)`` is the share of a class in all labeled pixels. The mean weight of a
    pixel is the number of classes; so the loss grows by that factor, and a smaller learn rate may be needed.
    ``counts`` is a table from ``count_each_label``. Raises ``DataError`` if a class has no pixels. Source:
    MATLAB, the example of dilated convolutions, ``classWeights = 1./frequency``.

    >>> counts = {"name": ["sky", "pole"], "pixel_count": [80, 20], "image_pixel_count": [100] * 2}
    >>> inverse_frequency_weights(Table(counts))
    (1.25, 5.0)
    """
    pixels = _pixel_counts(counts, "inverse_frequency_weights")
    return _weights(pixels.sum() / pixels)


def effective_number_weights(counts: Table, beta: float | None = None) -> Weights:
    """Class weights ``(1 - beta) / (1 - beta**n)`` for ``n`` pixels, scaled to the sum of one per class.

    The effective number of ``n`` pixels, ``(1 - beta**n) / (1 - beta)``, grows more slowly than ``n``, since
    further pixels of a class resemble those before. With ``beta=0`` all weights are 1; near 1 they are in
    the ratio of ``inverse_frequency_weights``.

    Args:
        counts: a table from ``count_each_label``.
        beta: from 0 to below 1. Effective numbers end at ``1 / (1 - beta)``, so that value must be in the
            range of the counts: 0.9999, which the paper takes for thousands of images, makes the weights of
            millions of pixels all 1, which a :class:`DataWarning` reports. By default ``(N - 1) / N`` for
            ``N`` labeled pixels in all.

    Raises:
        DataError: a class has no pixels.
        ArgumentError: ``beta`` is out of range.

    Source: Cui et al., "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019.

    >>> counts = {"name": ["sky", "pole"], "pixel_count": [300, 100], "image_pixel_count": [400] * 2}
    >>> [round(weight, 3) for weight in effective_number_weights(Table(counts), beta=0.99)]
    [0.8, 1.2]
    """
    call = "effective_number_weights"
    pixels = _pixel_counts(counts, call)
    if len(counts) == 0:
        return ()
    given = 1 - 1 / float(pixels.sum()) if beta is None else number(call, "beta", beta, 0, 1)
    if given == 1:
        raise ArgumentError(f"{call}: beta must be below 1, got {beta}; (N - 1) / N for N pixels is usual")
    # 1 - beta**n, which would be rounded to 0 for a beta near 1
    effective = -np.expm1(pixels * np.log(given)) if given else np.ones(len(pixels))
    if pixels.max() > _UNEVEN * pixels.min() and effective.max() < _EVEN * effective.min() and given:
        warnings.warn(
            f"{call}: beta={given:g} makes all weights the same, because every class has {pixels.min():,} or "
            f"more pixels; give a beta such as {1 - 1 / float(pixels.sum()):.10g}",
            DataWarning,
            stacklevel=2,
        )
    weights = 1 / effective
    return _weights(weights * len(weights) / weights.sum())


def _pixel_counts(counts: Table, call: str) -> NDArray[np.int64]:
    empty = counts.name[counts.pixel_count == 0]
    if len(empty):
        raise DataError(
            f"{call}: every class must have pixels, got none of {listed(empty.tolist(), most=20)}; check the "
            "label ids, leave the class out, or count more label images"
        )
    pixels: NDArray[np.int64] = counts.pixel_count
    return pixels


def _weights(values: NDArray[np.float64]) -> Weights:
    return tuple(values.tolist())
