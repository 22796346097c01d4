"""Functions that read and write an image, and the datastore of images."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.atomic import atomic_file
from layergraph.data.file_datastore import FileDatastore, ReadFcn, chosen_volumes
from layergraph.data.formats.decode import decode
from layergraph.data.formats.stored_image import Pages, StoredImage, image_array, turn
from layergraph.data.image_files import Location, PathLike, image_files
from layergraph.data.preview.quiet import is_quiet
from layergraph.data.slices import Volumes
from layergraph.errors import ArgumentError, DataError, DataWarning, WrongTypeError
from layergraph.layers import arguments
from layergraph.wording import quoted


class ImageDatastore(FileDatastore[NDArray[Any]]):
    """The images of a folder, of one file, or of a sequence of files: MATLAB's ``imageDatastore``.

    Items are arrays (height, width, channels), as in ``read_image``. The files of a folder are in
    alphabetical order, those of a sequence in its order. Raises ``DataError`` for a missing path or
    a folder without images; a file is opened only on access to its item. A :class:`DataWarning` reports, once
    per kind, information of a file that its array does not contain, such as an orientation.

    ``read_fcn`` is a function of a path that returns the array, for other kinds of files, such as
    ``np.load`` with ``file_extensions=".npy"``. ``labels`` are one class name per image, or
    ``label_source="foldernames"`` takes the names of their folders; ``train_network`` takes such a store
    alone. ``read`` returns lists of ``read_size`` images if that is above 1. ``pages`` and
    ``apply_orientation`` are those of ``read_image``.

    ``volumes="folders"`` reads each folder that holds images, at any depth below ``location``, as one volume
    (height, width, depth, channels), whose slices are the files in the order of the numbers in their names:
    9 before 10. The folder is then the item's file. ``read_fcn`` reads one slice. Raises ``DataError`` if
    names do not tell the order, and on access if slices differ in size or type.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_image(Path(folder) / "a.png", np.zeros((4, 6, 3), np.uint8))
    ...     images = ImageDatastore(folder)
    ...     images[0].shape, images.files[0].name
    ((4, 6, 3), 'a.png')
    """

    _num_axes = 3  # (height, width, channels)

    def __init__(
        self,
        location: Location,
        *,
        include_subfolders: bool = False,
        file_extensions: str | Iterable[str] | None = None,
        label_source: str = "none",
        labels: Iterable[str] | None = None,
        read_size: int = 1,
        read_fcn: ReadFcn | None = None,
        pages: Pages = "error",
        apply_orientation: bool = False,
        volumes: Volumes = "files",
    ) -> None:
        self._pages: Pages = arguments.choice("ImageDatastore", "pages", pages, get_args(Pages))
        self._turned = arguments.flag("ImageDatastore", "apply_orientation", apply_orientation)
        source = arguments.choice("ImageDatastore", "label_source", label_source, ("none", "foldernames"))
        volumes = chosen_volumes("ImageDatastore", volumes, pages)
        files = image_files(
            "ImageDatastore",
            location,
            include_subfolders=include_subfolders or volumes == "folders",
            file_extensions=file_extensions,
        )
        super().__init__(files, read_size, read_fcn, volumes)
        self._labels = _labels(self.files, source, labels)
        self._reported: set[str] = set()  # shared with subsets, so that each loss is reported once

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The class name of each image, or ``None``."""
        return self._labels

    @property
    def pages(self) -> Pages:
        """What several pages of a file are."""
        return self._pages

    @property
    def apply_orientation(self) -> bool:
        """Whether images are turned as their orientation tags say."""
        return self._turned

    def read_item(self, index: int) -> NDArray[Any]:
        return self.joined([self._image(file) for file in self.parts(index)], index)

    def _image(self, path: Path) -> NDArray[Any]:
        if self._read_fcn is not None:
            array = self._array_of_function(path)
            return array[:, :, None] if array.ndim == 2 else array
        stored = decode(path, self._pages)
        for loss in stored.losses if self._turned else losses(stored):
            if loss not in self._reported and not is_quiet.get():
                self._reported.add(loss)
                text = f"image file {quoted(str(path))} {loss}; so may others of the store"
                warnings.warn(text, DataWarning, stacklevel=2)
        image = image_array(stored, path, self._pages)
        return turn(image, stored.orientation) if self._turned else image

    def take(self, indices: tuple[int, ...]) -> Self:
        subset = super().take(indices)
        if self._labels is not None:
            subset._labels = tuple(self._labels[index] for index in indices)
        return subset


def _labels(files: Sequence[Path], source: str, labels: Iterable[str] | None) -> tuple[str, ...] | None:
    if labels is None:
        return tuple(file.absolute().parent.name for file in files) if source == "foldernames" else None
    if source != "none":
        raise ArgumentError(
            "ImageDatastore: label_source must be 'none' with labels, got 'foldernames'; give one of the two"
        )
    if isinstance(labels, str):
        raise WrongTypeError(f"ImageDatastore: labels must be one name per file, got {quoted(labels)}")
    names = tuple(map(str, labels))
    if len(names) != len(files):
        raise DataError(f"ImageDatastore: labels must be one name per file ({len(files)}), got {len(names)}")
    return names


def read_image(path: PathLike, *, pages: Pages = "error", apply_orientation: bool = False) -> NDArray[Any]:
    """The image in a file as an array (height, width, channels), with 1 channel for gray and 3 for color.

    The numbers are as stored, from 8-bit integers to decimals; color may have 8 or 16 bits, and a TIFF or
    NumPy file any number of channels. Palette, CMYK and other color images become RGB, without transparency;
    1-bit images become 0 and 255. Volumes (NIfTI, TIFF with a depth axis, arrays of four axes) are
    (height, width, depth, channels), see ``read_affine`` for their position in space.

    Args:
        path: the file.
        pages: what several pages of a file are, which often does not say it: the ``"channels"`` of one image
            or the slices of a ``"volume"``; also for the third axis of a NumPy array, by default channels.
        apply_orientation: whether to turn the image as its orientation tag says and viewers show it. By
            default it is as stored, so that an image and its labels stay aligned.

    Raises:
        DataError: the file cannot be read, or has several pages without a word about them.
        MissingExtraError: a TIFF file that Pillow cannot read whole needs the extra ``tiff``, a NIfTI file
            the extra ``volumes``.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_image(Path(folder) / "gray.png", [[0, 128, 255]])
    ...     read_image(Path(folder) / "gray.png").tolist()
    [[[0], [128], [255]]]
    """
    pages = arguments.choice("read_image", "pages", pages, get_args(Pages))
    stored = decode(path, pages)
    image = image_array(stored, path, pages)
    if arguments.flag("read_image", "apply_orientation", apply_orientation):
        return turn(image, stored.orientation)
    return image


def losses(stored: StoredImage) -> Iterator[str]:
    """The information of the file that its array does not contain, as predicates of the file name."""
    yield from stored.losses
    if stored.orientation != 1:
        yield (
            "has an orientation tag, which is not applied: labels must be as the image is stored, not as "
            "viewers turn it"
        )


def write_image(path: PathLike, image: ArrayLike) -> None:
    """Write a gray (height, width[, 1]) or RGB (height, width, 3) image of values 0 to 255 as an 8-bit PNG.

    The file is never half-written: a temporary file next to it gets its name at the end. Raises
    ``DataError`` for another shape or other values, another extension than .png, or a folder without write
    access.
    """
    from PIL import Image

    path, array = Path(path), np.asarray(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    # the empty image first: the minimum of no values, below, would be an error of NumPy
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise DataError(
            f"cannot write {quoted(str(path))}: an image must be (height, width[, 1 or 3]), got {array.shape}"
        )
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 255:
        raise DataError(
            f"cannot write {quoted(str(path))}: an 8-bit image must hold whole numbers from 0 to 255, "
            f"got {array.dtype} from {array.min()} to {array.max()}"
        )
    if path.suffix.lower() != ".png":
        raise DataError(f"cannot write {quoted(str(path))}: the file is a PNG, so its name must end in .png")
    try:
        # not synced: sets of thousands of images would take minutes, and can be made again
        with atomic_file(path, synced=False) as temporary:
            Image.fromarray(np.ascontiguousarray(array, np.uint8)).save(temporary, format="PNG")
    except OSError as error:
        raise DataError(
            f"cannot write {quoted(str(path))}: {error.strerror or error}; check the folder"
        ) from error
