"""Statistics of the training images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class ChannelStatistics:
    """Mean, standard deviation, minimum and maximum of each channel over images, in float64 and one pass.

    Each image updates mean and variance: a plain sum of squares would lose the digits of a small variance.
    Source: T. Chan, G. Golub, R. LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
    Variances", 1979.

    >>> statistics = ChannelStatistics(1)
    >>> for image in (np.zeros((2, 2, 1), np.uint8), np.full((2, 2, 1), 8, np.uint8)):
    ...     statistics.add(image)
    >>> statistics.mean, statistics.standard_deviation, statistics.max
    (array([4.]), array([4.]), array([8.]))
    """

    channels: int

    def __post_init__(self) -> None:
        self._count = 0
        self.mean = np.zeros(self.channels)
        self._squares = np.zeros(self.channels)  # summed squared distances from the mean
        self.min = np.full(self.channels, np.inf)
        self.max = np.full(self.channels, -np.inf)

    def add(self, image: NDArray[Any]) -> None:
        """Add an image (height, width, channels)."""
        pixels = image.reshape(-1, self.channels)
        count, mean = len(pixels), pixels.mean(axis=0, dtype=np.float64)
        total = self._count + count
        distance = mean - self.mean
        squares = pixels.var(axis=0, dtype=np.float64) * count
        self._squares += squares + distance**2 * (self._count * count / total)
        self.mean += distance * (count / total)
        self._count = total
        self.min = np.minimum(self.min, pixels.min(axis=0))
        self.max = np.maximum(self.max, pixels.max(axis=0))

    @property
    def standard_deviation(self) -> NDArray[np.float64]:
        """The standard deviation of all pixels; the variance divides by their number (not one less)."""
        deviation: NDArray[np.float64] = np.sqrt(self._squares / max(self._count, 1))
        return deviation

    def select(self, names: Iterable[str]) -> Mapping[str, NDArray[np.float64]]:
        """The statistics with these names; for a constant channel, values that normalize it to 0, not NaN."""
        constant = self.min == self.max
        values = {
            "mean": self.mean,
            "standard_deviation": np.where(constant, 1.0, self.standard_deviation),
            "min": self.min,
            "max": np.where(constant, self.max + 1, self.max),
        }
        return {name: values[name] for name in names}
