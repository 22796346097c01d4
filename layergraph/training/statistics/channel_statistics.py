"""Statistics of each channel over many images or features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ChannelMoments:
    """Mean and variance of each channel over all parts that are added, in float64.

    Each part updates mean and variance: a plain sum of squares would lose the digits of a small variance.
    Source: T. Chan, G. Golub, R. LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
    Variances", 1979.

    >>> moments = ChannelMoments()
    >>> for value in (0.0, 8.0):
    ...     moments.add(4, np.array([value]), np.array([0.0]))
    >>> moments.mean, moments.variance
    (array([4.]), array([16.]))
    """

    def __init__(self) -> None:
        self._count = 0
        self._squares: Any = 0.0  # summed squared distances from the mean
        self.mean: Any = 0.0

    def add(self, count: int, mean: NDArray[np.float64], variance: NDArray[np.float64]) -> None:
        """Add a part of ``count`` values per channel with this mean and variance."""
        total = self._count + count
        distance = mean - self.mean
        self._squares = self._squares + variance * count + distance**2 * (self._count * count / total)
        self.mean = self.mean + distance * (count / total)
        self._count = total

    @property
    def variance(self) -> NDArray[np.float64]:
        """The variance of all values; it divides by their number (not one less)."""
        variance: NDArray[np.float64] = self._squares / self._count
        return variance


class ChannelStatistics:
    """Moments, minimum and maximum of each channel over images, in float64 and one pass.

    >>> statistics = ChannelStatistics()
    >>> for image in (np.zeros((2, 2, 1), np.uint8), np.full((2, 2, 1), 8, np.uint8)):
    ...     statistics.add(image)
    >>> statistics.select(["mean", "standard_deviation", "max"])
    {'mean': array([4.]), 'standard_deviation': array([4.]), 'max': array([8.])}
    """

    def __init__(self) -> None:
        self.moments = ChannelMoments()
        self.min: Any = np.inf
        self.max: Any = -np.inf

    def add(self, image: NDArray[Any]) -> None:
        """Add an image (height, width, channels)."""
        pixels = image.reshape(-1, image.shape[-1])
        # NumPy would compute the mean of a float32 image in float32
        means, variances = pixels.mean(axis=0, dtype=np.float64), pixels.var(axis=0, dtype=np.float64)
        self.moments.add(len(pixels), means, variances)
        self.min = np.minimum(self.min, pixels.min(axis=0).astype(np.float64))
        self.max = np.maximum(self.max, pixels.max(axis=0).astype(np.float64))

    def select(self, names: Iterable[str]) -> Mapping[str, NDArray[Any]]:
        """The statistics with these names; for a constant channel, values that normalize it to 0, not NaN."""
        # by the extremes, since rounding leaves the variance of a constant channel a little above 0
        constant = self.min == self.max
        values = {
            "mean": self.moments.mean,
            "standard_deviation": np.where(constant, 1.0, np.sqrt(self.moments.variance)),
            "min": self.min,
            "max": np.where(constant, self.max + 1, self.max),
        }
        return {name: values[name] for name in names}
