"""Class weights from pixel counts."""

from __future__ import annotations

import numpy as np

from layergraph.errors import DataError
from layergraph.tables import Table
from layergraph.wording import quoted


def median_frequency_weights(counts: Table) -> tuple[float, ...]:
    """Class weights that give rare classes more weight: ``median(f) / f``, one per class.

    ``f = pixel_count / image_pixel_count`` is the share of a class in the images that contain it. ``counts``
    is a table from ``count_each_label``. Raises ``DataError`` if a class has no pixels. Source: Eigen and
    Fergus, "Predicting Depth, Surface Normals and Semantic Labels with a Common Multi-Scale Convolutional
    Architecture", ICCV 2015.

    >>> counts = {"name": ["sky", "road", "pole"], "pixel_count": [50, 25, 5], "image_pixel_count": [100] * 3}
    >>> median_frequency_weights(Table(counts))
    (0.5, 1.0, 5.0)
    """
    empty = counts.name[counts.pixel_count == 0]
    if len(empty):
        names = ", ".join(map(quoted, empty))
        raise DataError(
            f"median_frequency_weights: every class must have pixels, got none of {names}; "
            "check the label ids, leave the class out, or count more label images"
        )
    if len(counts) == 0:
        return ()  # NumPy warns of the median of nothing
    frequency = counts.pixel_count / counts.image_pixel_count
    weights: list[float] = (np.median(frequency) / frequency).tolist()
    return tuple(weights)
