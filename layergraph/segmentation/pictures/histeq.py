"""Histogram equalization."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.errors import DataError
from layergraph.layers import arguments
from layergraph.segmentation.arrays import real_array
from layergraph.segmentation.pictures.rgb_image import as_bytes


def histeq(image: ArrayLike, n: int = 64) -> NDArray[Any]:
    """Spread the brightness of an image, so that each of ``n`` levels has about as many values.

    ``image`` has any shape, with bytes, uint16, or floats in 0 .. 1; 256 levels of it are told apart. The
    histogram is that of all channels, and all get one transformation, as in MATLAB: with one for each
    channel, colors would change. A level becomes the first of the ``n`` with at least as many values below
    and in it as below its middle.

    Returns an array of the same shape and type (uint8 for lists of whole numbers). Raises DataError for
    values out of range and an image without pixels, WrongTypeError for values that are no numbers,
    ArgumentError for fewer than 2 levels. Source: MATLAB, histeq.

    >>> histeq(np.array([100, 100, 101, 102], np.uint8), 3).tolist()
    [0, 0, 128, 255]
    """
    array = real_array(image, "histeq: image")
    if not array.size:
        raise DataError(f"histeq: image must have pixels, got the shape {array.shape}")
    levels = as_bytes(array, "histeq: image", "scale them to that range")
    n = arguments.whole("histeq", "n", n, 2, 256)
    counts = np.bincount(levels.ravel(), minlength=256)
    # twice the count up to the middle of each level, in whole numbers; of the first and the last to its end
    middles = 2 * counts.cumsum() - counts
    middles[[0, 255]] = 2 * counts.cumsum()[[0, 255]]
    places = (-(-middles * n // (2 * array.size)) - 1).clip(0)
    equal = places / (n - 1)
    if array.dtype.kind == "f":
        return equal.astype(array.dtype)[levels]
    white = 65535 if array.dtype == np.uint16 else 255
    kind = array.dtype if array.dtype == np.uint16 else np.uint8
    return np.floor(equal * white + 0.5).astype(kind)[levels]
