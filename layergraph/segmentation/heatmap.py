"""Numbers as colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.errors import DataError, WrongTypeError
from layergraph.layers import arguments

# from black to nearly white, lightness rising all the way, so that it reads in print too
_COLORS = ((0, 0, 0), (70, 15, 110), (185, 45, 100), (245, 125, 35), (255, 250, 190))


def heatmap(values: ArrayLike, *, highest: float | None = None) -> NDArray[np.uint8]:
    """A picture of numbers such as the uncertainty of :func:`semanticseg`: black for 0, through violet, red
    and orange to light yellow for ``highest`` and above, by default the highest of them.

    ``values`` is (H, W). Returns uint8 RGB (H, W, 3). Raises DataError for another shape and for numbers
    below 0 or not finite, WrongTypeError for what are no numbers, ArgumentError for a ``highest`` below 0.
    Give several pictures one ``highest`` to compare them.

    >>> heatmap([[0.0, 0.02]]).tolist()
    [[[0, 0, 0], [255, 250, 190]]]
    """
    given = np.asarray(values)
    if given.dtype.kind not in "buif":
        raise WrongTypeError(f"heatmap: values are numbers, got an array of {given.dtype}")
    numbers = given.astype(np.float64)
    if numbers.ndim != 2:
        raise DataError(f"heatmap: values are (H, W), got the shape {numbers.shape}")
    if not np.isfinite(numbers).all():
        raise DataError("heatmap: values are finite numbers, got some that are NaN or infinite")
    if numbers.min(initial=0) < 0:
        raise DataError(
            f"heatmap: values must be 0 (black) or more, got {numbers.min():g}; subtract the lowest"
        )
    if highest is None:
        highest = float(numbers.max(initial=0))
    arguments.number("heatmap", "highest", highest, 0)
    places = np.minimum(numbers, highest) / (highest or 1) * (len(_COLORS) - 1)
    channels = [np.interp(places, range(len(_COLORS)), channel) for channel in zip(*_COLORS, strict=True)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
