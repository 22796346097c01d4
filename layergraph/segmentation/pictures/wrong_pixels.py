"""The pixels that a network predicts wrong, in pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.labels import UNLABELED

ERROR_COLOR = (230, 40, 50)


def wrong_pixels(truth: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a labeled pixel has another predicted class, or none.

    >>> wrong_pixels(np.array([0, 0, 255]), np.array([0, 255, 1])).tolist()
    [False, True, False]
    """
    wrong: NDArray[np.bool_] = (predicted != truth) & (truth != UNLABELED)
    return wrong
