"""Functions that read and write an image, and the datastore of images."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.atomic import atomic_file
from layergraph.data.file_datastore import FileDatastore, ReadFcn
from layergraph.data.image_files import Location, PathLike, image_files
from layergraph.errors import ArgumentError, DataError, DataWarning, WrongTypeError
from layergraph.layers import arguments
from layergraph.wording import quoted

if TYPE_CHECKING:
    from PIL import Image

SUPPORTED = (
    "gray images of 1, 8 or 16 bits or of floating-point numbers and color images of 8 bits, in BMP, GIF, "
    "JPEG, PNG, PNM, TIFF and WebP files"
)
_ARRAYS = {
    ".npy": "it holds a NumPy array; read it with np.load, and give arrays instead of files",
    ".npz": "it holds NumPy arrays; read them with np.load, and give arrays instead of files",
    ".mat": "it holds MATLAB variables; read it with scipy.io.loadmat, and give arrays instead of files",
    ".nii": "it holds a volume; read it with nibabel, and give arrays instead of files",
    ".gz": "it is compressed; unpack it, or read it with the library of its format",
}
_ORIENTATION = 0x0112  # the EXIF tag


class ImageDatastore(FileDatastore[NDArray[Any]]):
    """The images of a folder, of one file, or of a sequence of files: MATLAB's ``imageDatastore``.

    Items are arrays (height, width, channels), as in ``read_image``. The files of a folder are in
    alphabetical order, those of a sequence in its order. Raises ``DataError`` for a missing path or
    a folder without images; a file is opened only on access to its item. A :class:`DataWarning` reports, once
    per kind, information of a file that its array does not contain, such as an orientation.

    ``read_fcn`` is a function of a path that returns the array, for other kinds of files, such as
    ``np.load`` with ``file_extensions=".npy"``. ``labels`` are one class name per image, or
    ``label_source="foldernames"`` takes the names of their folders; ``train_network`` takes such a store
    alone. ``read`` returns lists of ``read_size`` images if that is above 1.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_image(Path(folder) / "a.png", np.zeros((4, 6, 3), np.uint8))
    ...     images = ImageDatastore(folder)
    ...     images[0].shape, images.files[0].name
    ((4, 6, 3), 'a.png')
    """

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
    ) -> None:
        source = arguments.choice("ImageDatastore", "label_source", label_source, ("none", "foldernames"))
        files = image_files(
            "ImageDatastore", location, include_subfolders=include_subfolders, file_extensions=file_extensions
        )
        super().__init__(files, read_size, read_fcn)
        self._labels = _labels(files, source, labels)
        self._reported: set[str] = set()  # shared with subsets, so that each loss is reported once

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The class name of each image, or ``None``."""
        return self._labels

    def read_item(self, index: int) -> NDArray[Any]:
        path = self._files[index]
        if self._read_fcn is not None:
            array = self._array_of_function(path)
            return array[:, :, None] if array.ndim == 2 else array
        image = open_image(path)
        for loss in losses(image):
            if loss not in self._reported:
                self._reported.add(loss)
                text = f"image file {quoted(str(path))} {loss}; so may others of the store"
                warnings.warn(text, DataWarning, stacklevel=2)
        return to_array(image, path)

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


def read_image(path: PathLike) -> NDArray[Any]:
    """The image in a file as an array (height, width, channels), with 1 channel for gray and 3 for color.

    8 bits per channel give uint8, 16-bit gray gives uint16, floating-point gray float32. Palette, CMYK and
    other color images become RGB, without transparency; 1-bit images become 0 and 255. Pillow reads 16-bit
    color as 8-bit. Orientation tags are not applied, so that an image and its labels
    stay aligned. Raises ``DataError`` with the path and the reason for a file that cannot be read, and for
    a file with several pages of one size, such as a volume or an animation.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_image(Path(folder) / "gray.png", [[0, 128, 255]])
    ...     read_image(Path(folder) / "gray.png").tolist()
    [[[0], [128], [255]]]
    """
    return to_array(open_image(path), path)


def to_array(image: Image.Image, path: PathLike) -> NDArray[Any]:
    """The array of a decoded image; see :func:`read_image`."""
    mode = image.mode
    if mode in ("1", "LA", "La"):
        image = image.convert("L")
    elif mode == "I":
        return whole_numbers(image, path).astype(np.uint16)[:, :, None]
    elif mode not in ("L", "RGB", "F") and not mode.startswith("I;16"):
        image = to_rgb(image)
    # a copy, since np.asarray of a Pillow image is read-only
    array = np.array(image)
    if mode.startswith("I;16"):
        array = array.astype(np.uint16)  # the file may have the other byte order
    return array[:, :, None] if array.ndim == 2 else array


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


def open_image(path: PathLike) -> Image.Image:
    """The decoded Pillow image of a file, in the mode of the file; ``DataError`` for an unreadable file."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            # before the pixels are read: Pillow reads the first page of a volume without a word
            pages = _pages(image)
            if pages > 1:
                raise DataError(
                    f"image file {quoted(str(path))} must hold one image, got {pages} pages of "
                    f"{image.width}×{image.height}; save each page as a file, or the pages as a NumPy array"
                )
            # Pillow loses this information when it loads the image
            image.info["16-bit color"] = _is_16_bit_color(image)
            image.load()
            return image
    # unchanged, where the last clause below would put it into an error of another text
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"there is no image file {quoted(str(path))}; check the path") from error
    except UnidentifiedImageError as error:
        if Path(path).stat().st_size == 0:  # the usual rest of a full disk or of an aborted copy
            raise _read_error(path, "it is empty") from error
        if advice := _ARRAYS.get(Path(path).suffix.lower()):
            raise DataError(f"cannot read {quoted(str(path))} as an image: {advice}") from error
        raise DataError(
            f"cannot read image file {quoted(str(path))}: it is damaged, or of a kind that is not supported; "
            f"supported are {SUPPORTED}"
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(
            f"image file {quoted(str(path))} is refused for its size ({error}); if you trust it, set "
            "PIL.Image.MAX_IMAGE_PIXELS = None before reading"
        ) from error
    except Exception as error:  # decoders raise any error on damaged files: struct.error, SyntaxError
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise _read_error(path, reason) from error


def losses(image: Image.Image) -> Iterator[str]:
    """The information of the file that its array does not contain, as predicates of the file name."""
    if image.info.get("16-bit color"):
        yield "has 16 bits per color channel, of which the upper 8 are read"
    if image.getexif().get(_ORIENTATION, 1) != 1:
        yield (
            "has an orientation tag, which is not applied: labels must be as the image is stored, not as "
            "viewers turn it"
        )


def _pages(image: Image.Image) -> int:
    """The number of pages, or 1 if the second has another size, as the preview in a phone's JPEG does."""
    count = getattr(image, "n_frames", 1)
    if count > 1:
        size = image.size
        image.seek(1)
        # Pillow counts the preview of a phone's JPEG as a second frame
        count = count if image.size == size else 1
        image.seek(0)
    return int(count)


def _is_16_bit_color(image: Image.Image) -> bool:
    # the mode is that of 8-bit color: only the raw mode of a tile, such as RGB;16B, shows the depth
    tiles = getattr(image, "tile", ())  # how the file stores the pixels
    return image.mode in ("RGB", "RGBA") and any(";16" in str(tile[3]) for tile in tiles)


def to_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB, without transparency."""
    if "transparency" in image.info or image.mode == "PA":
        # Pillow warns about a direct conversion from a palette with transparency to RGB
        image = image.convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")


def whole_numbers(image: Image.Image, path: PathLike) -> NDArray[Any]:
    """The values of a 32-bit image, which must fit 16 bits (older Pillows open 16-bit files that way)."""
    array = np.asarray(image)
    if array.min() < 0 or array.max() > 65535:
        raise DataError(
            f"image file {quoted(str(path))} must hold values from 0 to 65535, got 32-bit values from "
            f"{array.min()} to {array.max()}; convert it to 8 or 16 bits"
        )
    return array


def _read_error(path: PathLike, reason: str) -> DataError:
    return DataError(f"cannot read image file {quoted(str(path))}: {reason}; repair the file or leave it out")
