"""The datastore of the parts of one array."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.datastore import Datastore
from layergraph.data.label_array import LabelArray
from layergraph.errors import DataError, WrongTypeError
from layergraph.layers import arguments


class ArrayDatastore(Datastore[NDArray[Any]]):
    """The parts of an array along one axis: MATLAB's ``arrayDatastore``.

    Args:
        array: numbers, such as images (N, height, width, channels) or labels (N, height, width).
        iteration_dimension: the axis of the items, counted from 0 (in MATLAB from 1); -1 is the last one.
        classes: of labels, the names of the class indices; the items are then each a ``LabelArray``.

    Raises:
        WrongTypeError: the array holds no numbers.
        DataError: there is no such axis; with ``classes``, an index has no class.

    >>> images = ArrayDatastore(np.zeros((10, 32, 32, 3), np.uint8))
    >>> labels = ArrayDatastore(np.zeros((10, 32, 32), np.uint8), classes=["sky", "road"])
    >>> pairs = images.combine(labels)
    >>> len(pairs), pairs[0][0].shape, pairs.classes
    (10, (32, 32, 3), ('sky', 'road'))
    """

    def __init__(
        self, array: ArrayLike, iteration_dimension: int = 0, *, classes: Iterable[str] | None = None
    ) -> None:
        values = np.asarray(array) if not isinstance(array, LabelArray) or classes is not None else array
        if values.dtype.kind not in "biufc":
            raise WrongTypeError(f"ArrayDatastore: array must hold numbers, got an array of {values.dtype}")
        axis = arguments.whole("ArrayDatastore", "iteration_dimension", iteration_dimension, -values.ndim)
        if not -values.ndim <= axis < values.ndim:
            raise DataError(
                f"ArrayDatastore: iteration_dimension must be an axis of the array ({values.ndim}, from 0), "
                f"got {axis}"
            )
        if classes is not None:
            values = LabelArray(values, classes)
        self._array = np.moveaxis(values, axis, 0)

    @property
    def classes(self) -> tuple[str, ...] | None:
        return getattr(self._array, "classes", None)

    def __len__(self) -> int:
        return len(self._array)

    def read_item(self, index: int) -> NDArray[Any]:
        # a copy: a function that changes its argument would change all later reads
        item: NDArray[Any] = self._array[index].copy()
        return item
