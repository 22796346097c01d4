"""The values of the pixels of a label file, in the form of the label ids."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.formats.stored_image import StoredImage
from layergraph.data.image_files import PathLike
from layergraph.data.label_ids import LabelIds
from layergraph.errors import DataError
from layergraph.wording import quoted, times

_LARGEST = 65535  # label id


def label_numbers(stored: StoredImage, path: PathLike, ids: LabelIds) -> NDArray[Any]:
    """The numbers of a label image (height, width) or volume (height, width, depth), from 0 to 65535.

    A palette image gives its indices, since PASCAL VOC, for example, stores the class there. The set pixels
    of a 1-bit image are 255, or 1 where 255 is no id. Color images without color count as gray.

    Raises:
        DataError: the file holds colors, channels, decimals or other numbers.
    """
    values = stored.values
    if stored.axes.endswith("C") and values.shape[-1] == 1:
        values = values[..., 0]
    elif stored.axes.endswith("C"):
        # many programs save gray label images in color
        is_gray = values.shape[-1] == 3 and bool((values == values[..., :1]).all())
        if not is_gray:
            raise _wrong_kind(path, "colors", stored, ids)
        values = values[..., 0]
    if values.dtype == bool:
        # Pillow writes the set pixels of a 1-bit mask as 255 when it converts it to gray
        return values * np.uint8(255 if 255 in ids else 1)
    if values.dtype.kind == "f":
        # volumes of labels are often stored as decimals, and images of decimals are probabilities
        is_volume = stored.format in ("NIfTI", "NumPy")
        if not is_volume or not bool((np.isfinite(values) & (values == np.rint(values))).all()):
            raise _wrong_kind(path, "floating-point numbers", stored, ids)
    if values.dtype != np.uint8 and values.size and (values.min() < 0 or values.max() > _LARGEST):
        raise DataError(
            f"label image {quoted(str(path))} must hold values from 0 to {_LARGEST}, got values from "
            f"{values.min()} to {values.max()}; convert it to 8 or 16 bits"
        )
    return values if values.dtype in (np.uint8, np.uint16) else values.astype(np.uint16)


def label_colors(stored: StoredImage, path: PathLike, ids: LabelIds) -> NDArray[np.uint32]:
    """The codes ``r + 256 g + 65536 b`` of the colors of a label image.

    Raises:
        DataError: the file holds no colors of 8 bits.
    """
    colors = stored.values if stored.palette is None else stored.palette[stored.values]
    # the third axis of a plain array may be colors
    if colors.dtype != np.uint8 or colors.ndim < 3 or colors.shape[-1] != 3 or stored.axes == "HWD":
        kind = "gray" if stored.axes in ("HW", "HWD") else times(colors.shape)
        raise DataError(
            f"label image {quoted(str(path))} must hold colors, as the label ids are RGB triplets (class "
            f"{quoted(ids.classes[0])}: {ids.ids[0][0]}), got {kind} ({stored.kind}); give each "
            "class the gray values that mean it, or color label images; three gray values for every "
            "class are written as sets"
        )
    return color_codes(colors)


def color_codes(colors: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """The codes ``r + 256 g + 65536 b`` of colors (..., 3).

    >>> color_codes(np.array([[1, 2, 3]], np.uint8)).tolist()
    [197121]
    """
    # one little-endian word per pixel: nine times as fast as shifts of three channels
    words = np.zeros((*colors.shape[:-1], 4), np.uint8)
    words[..., :3] = colors
    return words.view("<u4")[..., 0].astype(np.uint32, copy=False)


def _wrong_kind(path: PathLike, kind: str, stored: StoredImage, ids: LabelIds) -> DataError:
    return DataError(
        f"label image {quoted(str(path))} must hold gray or palette values, as the label ids are single "
        f"numbers (class {quoted(ids.classes[0])}: {ids.ids[0][0]}), got {kind} ({stored.kind}); "
        "give each class RGB triplets, or gray or palette label images"
    )
