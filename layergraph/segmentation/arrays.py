"""Arrays of numbers from the arguments of a caller."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.errors import DataError, WrongTypeError


def real_array(values: ArrayLike, owner: str) -> NDArray[Any]:
    """An array of real numbers; ``owner`` is its name in errors.

    Raises:
        DataError: the rows have different lengths.
        WrongTypeError: the values are not real numbers.

    >>> real_array([[1, 2]], "heatmap: values").shape
    (1, 2)
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise DataError(f"{owner} must be an array, got rows of different lengths") from None
    # complex numbers, text, dates and objects are left out
    if array.dtype.kind not in "buif":
        raise WrongTypeError(f"{owner} must hold numbers, got an array of {array.dtype}")
    return array
