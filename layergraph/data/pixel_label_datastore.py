"""Label images: the datastore that reads pixel values as classes, and a function to write an image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.file_datastore import FileDatastore, ReadFcn
from layergraph.data.image_datastore import open_image, to_rgb, whole_numbers, write_image
from layergraph.data.image_files import Location, PathLike, image_files
from layergraph.data.label_array import LabelArray
from layergraph.data.label_ids import Ids, LabelIds
from layergraph.data.undeclared import UndeclaredValues
from layergraph.errors import DataError
from layergraph.labels import UNLABELED
from layergraph.wording import quoted

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["UNLABELED", "PixelLabelDatastore", "write_labels"]


class PixelLabelDatastore(FileDatastore[LabelArray]):
    """The label images at ``location``, read as class indices: MATLAB's ``pixelLabelDatastore``.

    Items are uint8 arrays (height, width): 0 for the first class, 1 for the second, and so on, and
    ``UNLABELED`` (255) for pixels of no class. They know their classes (``LabelArray``).
    ``label_ids`` has one entry per class: a number or several, or an RGB triplet or several (see ``LabelIds``
    for the forms). Numbers are compared with the values of gray images of 8 or 16 bits and with the palette
    *index* of palette images, triplets with the colors. The set pixels of a 1-bit image are 255, or 1 where
    255 is no id. ``ignored_ids`` holds the values of pixels that have no class on purpose, in the same form;
    a :class:`DataWarning` with the file reports any other value without a class, once per value.
    Location, order of files, ``include_subfolders`` and ``file_extensions`` are those of
    ``ImageDatastore``. ``read_fcn`` is a function of a path that returns the array of values or of colors,
    for other kinds of files.

    Raises ``DataError`` for class names that are empty or occur twice, an id in two classes, more than 255
    classes, or different numbers of names and ids; on access to an item for a damaged file, numbers for a
    color image, triplets for a gray image, or a file in which no pixel has a class or an ignored value.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_labels(Path(folder) / "a.png", [[255, 0, 7]])
    ...     labels = PixelLabelDatastore(folder, ["triangle", "background"], [255, 0], ignored_ids=[7])
    ...     labels[0]
    LabelArray([[  0,   1, 255]], dtype=uint8)
    """

    def __init__(
        self,
        location: Location,
        classes: Iterable[str],
        label_ids: Iterable[Any],
        *,
        ignored_ids: Iterable[Any] = (),
        include_subfolders: bool = False,
        file_extensions: str | Iterable[str] | None = None,
        read_size: int = 1,
        read_fcn: ReadFcn | None = None,
    ) -> None:
        # the ids before the files: a wrong one is reported without a walk through a large folder
        self._ids = LabelIds(classes, label_ids, ignored_ids)
        self._undeclared = UndeclaredValues()  # shared with subsets, so that each value is reported once
        files = image_files(
            "PixelLabelDatastore",
            location,
            include_subfolders=include_subfolders,
            file_extensions=file_extensions,
        )
        super().__init__(files, read_size, read_fcn)

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names; the class index of a pixel is a position here."""
        return self._ids.classes

    @property
    def label_ids(self) -> tuple[Ids, ...]:
        """For each class the tuple of its ids: whole numbers, or RGB triplets."""
        return self._ids.ids

    @property
    def ignored_ids(self) -> Ids:
        """The values of pixels that have no class on purpose: whole numbers, or RGB triplets."""
        return self._ids.ignored_ids

    def read_item(self, index: int) -> LabelArray:
        path = self._files[index]
        if self._read_fcn is not None:
            values, kind = self._values_of_function(path), ""
        else:
            image = open_image(path)
            values = self._colors(image, path) if self._ids.is_rgb else self._numbers(image, path)
            kind = image.format or ""
        indices = self._ids.indices(values)
        undeclared = self._ids.undeclared(values, indices)
        if len(undeclared):
            self._undeclared.report(undeclared, indices.size, path, self._ids, kind)
        return LabelArray.from_indices(indices, self.classes)

    def _values_of_function(self, path: Path) -> NDArray[Any]:
        """The values of the array that ``read_fcn`` returns, in the form of the label ids."""
        array = self._array_of_function(path)
        if not self._ids.is_rgb and array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        wanted = "(height, width, 3) of colors" if self._ids.is_rgb else "(height, width[, 1])"
        # 255 is the largest value of a color, and 65535 that of a label id
        limit = 255 if self._ids.is_rgb else 65535
        fits = array.ndim == 3 and array.shape[2] == 3 if self._ids.is_rgb else array.ndim == 2
        # scientific files often hold whole numbers as decimals
        is_whole = array.dtype.kind in "biu" or bool(np.isfinite(array).all() and (array % 1 == 0).all())
        if not fits or not is_whole or (array.size and (array.min() < 0 or array.max() > limit)):
            raise DataError(
                f"PixelLabelDatastore: read_fcn must return whole numbers from 0 to {limit}, {wanted}, got "
                f"{array.dtype} of shape {array.shape} for the file {quoted(str(path))}"
            )
        if not self._ids.is_rgb:
            return array.astype(np.uint16)
        red, green, blue = (array[..., band].astype(np.uint32) for band in range(3))
        return red | green << 8 | blue << 16

    def _numbers(self, image: Image.Image, path: Path) -> NDArray[Any]:
        if image.mode == "1":
            # Pillow writes the set pixels of a 1-bit mask as 255 when it converts it to gray
            return np.asarray(image) * np.uint8(255 if 255 in self._ids else 1)
        if image.mode == "I":
            return whole_numbers(image, path)
        # of a palette image the index, not the color: PASCAL VOC, for example, stores the class there
        if image.mode in ("L", "P") or image.mode.startswith("I;16"):
            return np.asarray(image)
        if image.mode in ("LA", "La", "PA"):
            # the second channel is transparency, which means no class
            return np.asarray(image.getchannel(0))
        # many programs save gray label images in color
        if image.mode in ("RGB", "RGBA", "RGBX"):
            red, green, blue = (np.asarray(image.getchannel(band)) for band in range(3))
            if np.array_equal(red, green) and np.array_equal(red, blue):
                return red
        kind = "floating-point numbers" if image.mode == "F" else "colors"
        raise DataError(
            f"label image {quoted(str(path))} must hold gray or palette values, as the label ids are single "
            f"numbers (class {quoted(self.classes[0])}: {self.label_ids[0][0]}), got {kind} ({image.mode}); "
            "give each class RGB triplets, or gray or palette label images"
        )

    def _colors(self, image: Image.Image, path: Path) -> NDArray[np.uint32]:
        if image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;16"):
            raise DataError(
                f"label image {quoted(str(path))} must hold colors, as the label ids are RGB triplets (class "
                f"{quoted(self.classes[0])}: {self.label_ids[0][0]}), got gray ({image.mode}); give each "
                "class the gray values that mean it, or color label images; three gray values for every "
                "class are written as sets"
            )
        # one little-endian word per pixel: three times as fast as shifts of three channels
        words = np.frombuffer(to_rgb(image).tobytes("raw", "RGBX"), "<u4").reshape(image.height, image.width)
        # the fourth byte, X, is padding
        return words.astype(np.uint32, copy=False) & np.uint32(0xFFFFFF)


def write_labels(path: PathLike, labels: ArrayLike) -> None:
    """Write class indices (height, width), whole numbers from 0 to 255, as an 8-bit gray PNG.

    The file is never half-written. A datastore reads it with ``label_ids=range(number of classes)`` and
    ``ignored_ids=[255]``, the value of unlabeled pixels. Raises ``DataError`` for another shape or other
    values, another extension than .png, or a folder without write access.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_labels(Path(folder) / "a.png", [[0, 1], [UNLABELED, 1]])
    ...     PixelLabelDatastore(folder, ["sky", "road"], range(2), ignored_ids=[UNLABELED])[0].tolist()
    [[0, 1], [255, 1]]
    """
    array = np.asarray(labels)
    if array.ndim != 2:
        raise DataError(
            f"cannot write {quoted(str(path))}: labels must be (height, width), got the shape {array.shape}"
        )
    write_image(path, array)
