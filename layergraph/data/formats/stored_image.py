"""The content of an image file as an array with named axes, and the arrays that datastores return of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from layergraph.data.image_files import PathLike
from layergraph.errors import DataError
from layergraph.wording import quoted, times

Pages = Literal["error", "channels", "volume"]
"""What several pages of a file are: an error, the channels of one image, or the slices of a volume."""

# for each EXIF orientation: whether height and width swap first, then which of them are reversed
_TURNS = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}
_INVERSE = {6: 8, 8: 6}  # the others are their own inverses


@dataclass(frozen=True, eq=False)
class StoredImage:
    """The array of a file, as it is stored.

    Attributes:
        values: the array.
        axes: a letter per axis: ``H`` height, ``W`` width, ``D`` depth, ``C`` channels, and ``A`` for the
            third axis of a plain array, which may be either of the last two.
        format: ``"PNG"``, ``"TIFF"``, ``"NumPy"``, ...
        kind: the kind of values, for messages: a mode of Pillow, or the type of the numbers.
        orientation: the EXIF tag from 1 to 8; 1 is upright.
        palette: the color of each value, if the values are positions in a palette.
        losses: what the array does not contain of the file, as predicates of the file name.

    >>> StoredImage(np.zeros((4, 6), np.uint8), "HW", "PNG", "L").values.shape
    (4, 6)
    """

    values: NDArray[Any]
    axes: str
    format: str
    kind: str
    orientation: int = 1
    palette: NDArray[np.uint8] | None = None
    losses: tuple[str, ...] = ()


def image_array(stored: StoredImage, path: PathLike, pages: Pages = "error") -> NDArray[Any]:
    """The image (height, width, channels), or the volume (height, width, depth, channels), as stored.

    1-bit values become 0 and 255, and palettes colors. The third axis of a plain array holds channels,
    unless ``pages`` says that it holds slices.

    >>> image_array(StoredImage(np.zeros((4, 6), bool), "HW", "PNG", "1"), "a.png").shape
    (4, 6, 1)
    """
    values, axes = stored.values, stored.axes
    if values.dtype == bool:
        values = values * np.uint8(255)
    if stored.palette is not None:
        values, axes = stored.palette[values], axes + "C"
    axes = axes.replace("A", "D" if pages == "volume" else "C")
    if pages == "channels" and axes == "HWD":
        axes = "HWC"
    if pages == "channels" and "D" in axes:
        raise DataError(
            f"image file {quoted(str(path))} must hold pages without channels to be the channels of one "
            f"image, got {times(values.shape)}; give pages='volume'"
        )
    if not values.size:
        raise DataError(f"image file {quoted(str(path))} must have pixels, got {times(values.shape)}")
    return values if axes.endswith("C") else values[..., None]


def turn(image: NDArray[Any], orientation: int, *, back: bool = False) -> NDArray[Any]:
    """An image as viewers show it for an EXIF orientation, or ``back`` to the form in the file.

    >>> turn(np.array([[1, 2]]), 6).tolist(), turn(np.array([[1], [2]]), 6, back=True).tolist()
    ([[1], [2]], [[1, 2]])
    """
    if orientation not in _TURNS:
        return image
    swap, reverse_rows, reverse_columns = _TURNS[
        _INVERSE.get(orientation, orientation) if back else orientation
    ]
    image = image.swapaxes(0, 1) if swap else image
    step = {False: 1, True: -1}
    # a copy: torch takes no array that runs backwards
    return np.ascontiguousarray(image[:: step[reverse_rows], :: step[reverse_columns]])


class SeveralPagesError(DataError):
    """A file that does not say what its pages are."""


def several_pages(path: PathLike, count: int, height: int, width: int) -> SeveralPagesError:
    """The error for a file that does not say what its pages are."""
    return SeveralPagesError(
        f"image file {quoted(str(path))} must hold one image, got {count} pages of {width}×{height}; give "
        "pages='channels' if they are the channels of one image, pages='volume' if they are the slices of a "
        "volume, or save each page as a file"
    )


def read_error(path: PathLike, reason: str) -> DataError:
    """The error for a file that its decoder cannot read."""
    return DataError(f"cannot read image file {quoted(str(path))}: {reason}; repair the file or leave it out")
