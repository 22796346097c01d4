"""The images and labels of an item, which augmentation changes together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from layergraph.data.class_indices import class_indices
from layergraph.data.label_array import LabelArray
from layergraph.errors import DataError, WrongTypeError
from layergraph.labels import UNLABELED
from layergraph.wording import times

Array = NDArray[Any]
Role = Literal["image", "labels", "value"]
Function = Callable[[Array], Array]


class Parts:
    """An item taken apart: one image, or a tuple of an image and what belongs to it.

    Each part has one of three roles. An *image* is an array (height, width, channels) or
    (height, width, depth, channels); the first part is one, also as (height, width). *Labels* are whole
    numbers of the height, width and depth of the image, without channels, 255 where unlabeled. Decimals of
    that size, with or without channels, are responses and count as images. A *value* is a single number, such
    as the class of a whole image, and stays unchanged.

    Args:
        owner: the name of the augmentation in errors.
        item: the item of a datastore.

    Raises:
        DataError: a part has another size than the first image, or could be an image as well as labels.
        WrongTypeError: a part is a tensor, whose axes have another order, or a boolean mask.

    >>> parts = Parts("flip", (np.zeros((4, 6, 3)), np.ones((4, 6), np.uint8)))
    >>> parts.spatial, parts.roles
    ((4, 6), ('image', 'labels'))
    """

    def __init__(self, owner: str, item: Any) -> None:
        self.owner = owner
        self._is_single = not isinstance(item, (tuple, list))
        arrays = [_array(owner, part) for part in ((item,) if self._is_single else item)]
        if not arrays or arrays[0].ndim not in (2, 3, 4):
            raise DataError(
                f"{owner}: an image must be (height, width[, channels]) or (height, width, depth, channels), "
                f"got {_description(arrays[0]) if arrays else 'an empty item'}"
            )
        self.arrays: tuple[Array, ...] = tuple(arrays)
        first = arrays[0]
        rank = max(2, first.ndim - 1)
        # a volume without channels looks like an image, but its labels have as many axes
        if first.ndim == 3 and any(
            isinstance(a, LabelArray) and a.shape == first.shape and a.shape[2] > 1 for a in arrays[1:]
        ):
            rank = 3
        self.spatial: tuple[int, ...] = first.shape[:rank]
        self.roles: tuple[Role, ...] = ("image", *(self._role(i) for i in range(1, len(arrays))))

    @property
    def labels(self) -> Array | None:
        """The first labels of the item, if there are any."""
        return next((a for a, role in zip(self.arrays, self.roles, strict=True) if role == "labels"), None)

    def change(self, image: Function, labels: Function | None = None) -> Any:
        """The item with changed images and labels.

        ``image`` gets and returns arrays with channels. Labels keep their class names.
        """
        changed = [
            self._change_image(array, image)
            if role == "image"
            else self._change_labels(array, labels)
            if role == "labels" and labels is not None
            else array
            for array, role in zip(self.arrays, self.roles, strict=True)
        ]
        return self._item(changed)

    def change_first(self, image: Function) -> Any:
        """The item with its first image changed, and all else as it is: for colors and noise.

        Raises ``DataError`` for a boolean image.
        """
        if self.arrays[0].dtype == bool:
            raise DataError(f"{self.owner}: an image must hold numbers, got a boolean image; convert it")
        return self._item([self._change_image(self.arrays[0], image), *self.arrays[1:]])

    def _item(self, arrays: list[Array]) -> Any:
        # a class is a number again, not an array without axes
        parts = [
            array[()] if role == "value" else array for array, role in zip(arrays, self.roles, strict=True)
        ]
        return parts[0] if self._is_single else tuple(parts)

    def _change_image(self, array: Array, change: Function) -> Array:
        if array.ndim > len(self.spatial):
            return change(array)
        return change(array[..., None])[..., 0]

    def _change_labels(self, array: Array, change: Function) -> Array:
        changed = change(np.asarray(array))
        if isinstance(array, LabelArray):
            return LabelArray.from_indices(changed, array.classes)
        return changed

    def _role(self, index: int) -> Role:
        array, rank = self.arrays[index], len(self.spatial)
        if array.ndim == 0:
            return "value"
        if array.shape[:rank] != self.spatial or array.ndim > rank + 1:
            raise DataError(
                f"{self.owner}: image and labels must have one size, got {times(self.spatial)} and "
                f"{_description(array)}; check that they belong together, or resize one"
            )
        if array.dtype.kind == "f":
            return "image"
        if array.ndim == rank:
            class_indices(array, f"{self.owner}: labels")  # raises for a boolean mask
            if array.dtype.itemsize == 1 and array.dtype.kind == "i":
                raise DataError(
                    f"{self.owner}: labels must be of a type that holds {UNLABELED} (unlabeled), got int8; "
                    "convert them to uint8"
                )
            return "labels"
        # another input of the network; labels never have several channels
        if array.shape[-1] > 1 and index < len(self.arrays) - 1:
            return "image"
        raise DataError(
            f"{self.owner}: a target must be labels without channels, {times(self.spatial)}, or a response "
            f"of decimals, got {_description(array)}; drop the axis of channels, convert a response to "
            "float32, or give a volume an axis of channels"
        )


def working_type(arrays: tuple[Array, ...]) -> type[np.floating[Any]]:
    """The numbers to compute with: float32 where it holds every value of the arrays, else float64.

    >>> working_type((np.zeros(3, np.uint8),)), working_type((np.zeros(3, np.uint16),))
    (<class 'numpy.float32'>, <class 'numpy.float64'>)
    """
    # 24 bits hold 16-bit values too, but a position that is off by 1e-5 pixels changes them by one
    small = all(array.dtype.itemsize == 1 or array.dtype in (np.float16, np.float32) for array in arrays)
    return np.float32 if small else np.float64


def rounded(values: Array, like: Array) -> Array:
    """Computed values in the type of the numbers of ``like``; whole numbers are rounded and limited.

    >>> rounded(np.array([-3.0, 1.6, 300.0]), np.zeros(1, np.uint8)).tolist()
    [0, 2, 255]
    """
    if like.dtype.kind in "ui":
        limits = np.iinfo(like.dtype)
        values = np.rint(values)
        np.clip(values, limits.min, limits.max, out=values)
    return values.astype(like.dtype, copy=False)


def _array(owner: str, part: Any) -> Array:
    # np.asarray would take a tensor, whose channels are its first axis
    if hasattr(part, "detach"):
        raise WrongTypeError(
            f"{owner}: images must be arrays (height, width, channels), got a tensor of shape "
            f"{tuple(part.shape)}; convert it, for example image.permute(1, 2, 0).numpy()"
        )
    array = part if isinstance(part, np.ndarray) else np.asarray(part)
    if array.dtype.kind not in "biuf":
        raise WrongTypeError(f"{owner}: images must be arrays of numbers, got {type(part).__name__}")
    return cast(Array, array)


def _description(array: Array) -> str:
    return f"{array.dtype} of shape {array.shape}"
