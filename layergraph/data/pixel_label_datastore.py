"""Label images: the datastore that reads pixel values as classes, and a function to write an image."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.file_datastore import FileDatastore, ReadFcn, chosen_volumes
from layergraph.data.formats.decode import decode
from layergraph.data.formats.stored_image import Pages
from layergraph.data.image_datastore import write_image
from layergraph.data.image_files import Location, PathLike, image_files
from layergraph.data.label_array import LabelArray
from layergraph.data.label_ids import Ids, LabelIds
from layergraph.data.label_values import color_codes, label_colors, label_numbers
from layergraph.data.slices import Volumes
from layergraph.data.undeclared import UndeclaredValues
from layergraph.errors import DataError
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.wording import quoted

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
    for other kinds of files. A volume of labels (``.npy``, NIfTI, a TIFF with a depth axis or with
    ``pages="volume"``, or with ``volumes="folders"`` a folder of slices, as in ``ImageDatastore``) is
    (height, width, depth).

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

    _num_axes = 2  # (height, width)

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
        pages: Pages = "error",
        volumes: Volumes = "files",
    ) -> None:
        self._pages: Pages = arguments.choice("PixelLabelDatastore", "pages", pages, get_args(Pages))
        volumes = chosen_volumes("PixelLabelDatastore", volumes, pages)
        # the ids before the files: a wrong one is reported without a walk through a large folder
        self._ids = LabelIds(classes, label_ids, ignored_ids)
        self._undeclared = UndeclaredValues()  # shared with subsets, so that each value is reported once
        files = image_files(
            "PixelLabelDatastore",
            location,
            include_subfolders=include_subfolders or volumes == "folders",
            file_extensions=file_extensions,
        )
        super().__init__(files, read_size, read_fcn, volumes)

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

    @property
    def pages(self) -> Pages:
        """What several pages of a file are."""
        return self._pages

    @property
    def ids(self) -> LabelIds:
        """The classes and their values."""
        return self._ids

    def read_item(self, index: int) -> LabelArray:
        parts, kinds = zip(*map(self._values, self.parts(index)), strict=True)
        values = self.joined(parts, index)
        indices = self._ids.indices(values)
        undeclared = self._ids.undeclared(values, indices)
        if len(undeclared):
            self._undeclared.report(undeclared, indices.size, self._files[index], self._ids, kinds[0])
        return LabelArray.from_indices(indices, self.classes)

    def _values(self, path: Path) -> tuple[NDArray[Any], str]:
        """The values or codes of colors of a file, and its format."""
        if self._read_fcn is not None:
            return self._values_of_function(path), ""
        stored = decode(path, self._pages)
        read_values = label_colors if self._ids.is_rgb else label_numbers
        return read_values(stored, path, self._ids), stored.format

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
        return color_codes(array.astype(np.uint8)) if self._ids.is_rgb else array.astype(np.uint16)


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
