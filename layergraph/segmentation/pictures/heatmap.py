"""Pictures of numbers, in colors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.errors import DataError
from layergraph.layers import arguments
from layergraph.segmentation.arrays import real_array

# from black to nearly white, with rising lightness, so that the order is visible in gray print
_COLORS = ((0, 0, 0), (70, 15, 110), (185, 45, 100), (245, 125, 35), (255, 250, 190))


def heatmap(values: ArrayLike, *, highest: float | None = None) -> NDArray[np.uint8]:
    """A picture of numbers such as the uncertainty of :func:`semanticseg`: black for 0, through violet, red
    and orange to light yellow for ``highest`` and above, by default the maximum of ``values``.

    ``values`` is (H, W). Returns uint8 RGB (H, W, 3). Raises DataError for another shape and for values
    that are negative or not finite, WrongTypeError for values that are not numbers, ArgumentError for a
    negative ``highest``. Pictures are comparable if they have the same ``highest``.

    >>> heatmap([[0.0, 0.02]]).tolist()
    [[[0, 0, 0], [255, 250, 190]]]
    """
    given = real_array(values, "heatmap: values").astype(np.float64)
    if given.ndim != 2:
        raise DataError(f"heatmap: values must be (H, W), got the shape {given.shape}")
    if not np.isfinite(given).all():
        raise DataError("heatmap: values must be finite numbers, got some that are NaN or infinite")
    # initial, since the minimum of an empty array raises
    if given.min(initial=0) < 0:
        raise DataError(
            f"heatmap: values must be 0 (black) or more, got {given.min():g}; subtract the lowest"
        )
    if highest is None:
        highest = float(given.max(initial=0))
    highest = arguments.number("heatmap", "highest", highest, 0)
    # "or 1": values that are all 0 are black, not 0/0
    positions = np.minimum(given, highest) / (highest or 1) * (len(_COLORS) - 1)
    channels = [np.interp(positions, range(len(_COLORS)), channel) for channel in zip(*_COLORS, strict=True)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
