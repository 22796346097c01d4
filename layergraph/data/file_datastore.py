"""The base of the stores that read an item from a file, or from a folder of slices."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, SupportsIndex, get_args

import numpy as np
from numpy.typing import NDArray

from layergraph.data.datastore import Datastore
from layergraph.data.item_sequence import Item
from layergraph.data.positions import position
from layergraph.data.reader import Info, ItemInfo
from layergraph.data.slices import Volumes, slices_by_folder, stack_slices
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.layers import arguments
from layergraph.wording import quoted, visible

ReadFcn = Callable[[str], Any]


class FileDatastore(Datastore[Item]):
    """Items that are each read from a file or a folder, by a function of the user if there is one."""

    _num_axes: ClassVar[int]
    """The axes of the array of one image, of which a slice has one."""

    def __init__(
        self, files: tuple[Path, ...], read_size: int, read_fcn: ReadFcn | None, volumes: Volumes
    ) -> None:
        name = type(self).__name__
        if read_fcn is not None and not callable(read_fcn):
            raise WrongTypeError(f"{name}: read_fcn must be a function of a path, got {quoted(read_fcn)}")
        self._slices = slices_by_folder(files, name) if volumes == "folders" else None
        self._files, self._read_fcn = files if self._slices is None else tuple(self._slices), read_fcn
        self._read_size = arguments.whole(name, "read_size", read_size)

    @property
    def files(self) -> tuple[Path, ...]:
        """The file of each item, or the folder of its slices."""
        return self._files

    @property
    def volumes(self) -> Volumes:
        """Whether each file is an item, or each folder with its files as slices."""
        return "files" if self._slices is None else "folders"

    def parts(self, index: SupportsIndex) -> tuple[Path, ...]:
        """The files of the item at a position from 0: one, or the slices of a volume in their order."""
        path = self._files[position(index, len(self), type(self).__name__)]
        return (path,) if self._slices is None else self._slices[path]

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

    def joined(self, arrays: Sequence[NDArray[Any]], index: int) -> NDArray[Any]:
        """The array of an item, of those of its files; slices have the axes of one image of this store."""
        if self._slices is None:
            return arrays[0]
        return stack_slices(arrays, self.parts(index), self._num_axes, type(self).__name__)

    def info(self, index: int) -> Info:
        # the size of a folder is not that of its files
        sizes = [file.stat().st_size for file in self.parts(index) if file.exists()]
        label = None if self.labels is None else self.labels[index]
        return ItemInfo(self._files[index], sum(sizes) if sizes else None, label)

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


def chosen_volumes(caller: str, volumes: str, pages: str) -> Volumes:
    """The argument ``volumes``; ``ArgumentError`` for another word, or for files that are volumes too."""
    chosen: Volumes = arguments.choice(caller, "volumes", volumes, get_args(Volumes))
    if chosen == "folders" and pages == "volume":
        raise ArgumentError(
            f"{caller}: pages must be 'error' or 'channels' with volumes='folders', got 'volume'; a slice is "
            "one image"
        )
    return chosen
