"""The base of the stores that read one file per item."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from layergraph.data.datastore import Datastore
from layergraph.data.item_sequence import Item
from layergraph.data.positions import position
from layergraph.errors import DataError, WrongTypeError
from layergraph.layers import arguments
from layergraph.wording import quoted, visible

ReadFcn = Callable[[str], Any]


class FileDatastore(Datastore[Item]):
    """Items that are each read from a file, by a function of the user if there is one."""

    def __init__(self, files: tuple[Path, ...], read_size: int, read_fcn: ReadFcn | None) -> None:
        name = type(self).__name__
        if read_fcn is not None and not callable(read_fcn):
            raise WrongTypeError(f"{name}: read_fcn must be a function of a path, got {quoted(read_fcn)}")
        self._files, self._read_fcn = files, read_fcn
        self._read_size = arguments.whole(name, "read_size", read_size)

    @property
    def files(self) -> tuple[Path, ...]:
        """The file of each item."""
        return self._files

    @property
    def read_size(self) -> int:
        return self._read_size

    @property
    def read_fcn(self) -> ReadFcn | None:
        """The function that reads a file, if there is one."""
        return self._read_fcn

    def readimage(self, index: SupportsIndex) -> Item:
        """The item at a position from 0, as ``store[index]``; the reading position stays."""
        return self.read_item(position(index, len(self), type(self).__name__))

    def __len__(self) -> int:
        return len(self._files)

    def take(self, indices: tuple[int, ...]) -> Self:
        # a copy without a call of __init__, which would look for the files again
        subset = copy.copy(self)
        subset._files = tuple(self._files[index] for index in indices)
        subset.reset()
        return subset

    def _array_of_function(self, path: Path) -> NDArray[Any]:
        """What ``read_fcn`` returns for a file, as an array of numbers."""
        assert self._read_fcn is not None
        try:
            result = self._read_fcn(str(path))
        except Exception as error:
            # the error of the user's function stays unchanged, except for a note with the file
            error.add_note(f"raised by read_fcn for the file '{visible(str(path))}'")
            raise
        array = np.asarray(result)
        if array.dtype.kind not in "biuf" or array.ndim < 2:
            raise DataError(
                f"{type(self).__name__}: read_fcn must return an array of numbers (height, width[, channels])"
                f", got {array.dtype} of shape {array.shape} for the file {quoted(str(path))}"
            )
        return array
