"""Images: reading and writing one, and the datastore of many."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.atomic import replacing
from layergraph.data.datastore import Datastore
from layergraph.data.files import Location, PathLike, image_files
from layergraph.errors import DataError

if TYPE_CHECKING:
    from PIL import Image


class ImageDatastore(Datastore[NDArray[Any]]):
    """The images of a folder, of one file, or of a sequence of files: MATLAB's ``imageDatastore``.

    Items are arrays (height, width, channels) as ``read_image`` gives them. The files of a folder come in
    alphabetical order, those of a sequence in the order given. Raises ``DataError`` for a missing place or
    a folder without images; files are opened only when an item is read.

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
    ) -> None:
        self._files = image_files(
            location, include_subfolders=include_subfolders, file_extensions=file_extensions
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """The file of each item."""
        return self._files

    def __len__(self) -> int:
        return len(self._files)

    def _read(self, index: int) -> NDArray[Any]:
        return read_image(self._files[index])

    def _take(self, indices: tuple[int, ...]) -> Self:
        taken = copy.copy(self)
        taken._files = tuple(self._files[index] for index in indices)
        return taken


def read_image(path: PathLike) -> NDArray[Any]:
    """The image in a file as an array (height, width, channels), 1 channel for grey and 3 for colour.

    8 bits a channel give uint8, 16-bit grey gives uint16, floating-point grey float32. Palette, CMYK and
    other colour images become RGB; transparency is dropped; 1-bit images become 0 and 255. As Pillow
    reads them, 16-bit colour comes as 8-bit, and of several frames the first. Orientation tags are not
    applied, so that an image and its labels stay aligned. Raises ``DataError`` with the path and the
    reason for a file that cannot be read.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_image(Path(folder) / "grey.png", [[0, 128, 255]])
    ...     read_image(Path(folder) / "grey.png").tolist()
    [[[0], [128], [255]]]
    """
    image = open_image(path)
    mode = image.mode
    if mode in ("1", "LA", "La"):
        image = image.convert("L")
    elif mode == "I":
        return whole_numbers(image, path).astype(np.uint16)[:, :, None]
    elif mode not in ("L", "RGB", "F") and not mode.startswith("I;16"):
        image = to_rgb(image)
    array = np.array(image)
    if mode.startswith("I;16"):
        array = array.astype(np.uint16)  # the file may have the other byte order
    return array[:, :, None] if array.ndim == 2 else array


def write_image(path: PathLike, image: ArrayLike) -> None:
    """Write a grey (height, width[, 1]) or RGB (height, width, 3) image of values 0 to 255 as an 8-bit PNG.

    The file appears whole or not at all: a temporary file beside it takes its name at the end. Raises
    ``DataError`` for another shape or other values, a name that does not end in .png, or a place that
    cannot be written.
    """
    from PIL import Image

    path, array = Path(path), np.asarray(image)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)):
        raise DataError(f"cannot write '{path}': an image is (height, width[, 1 or 3]), got {array.shape}")
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 255:
        raise DataError(
            f"cannot write '{path}': an 8-bit image needs whole numbers from 0 to 255, "
            f"got {array.dtype} from {array.min()} to {array.max()}"
        )
    if path.suffix.lower() != ".png":
        raise DataError(f"cannot write '{path}': the file is a PNG, so its name must end in .png")
    try:
        with replacing(path, synced=False) as temporary:
            Image.fromarray(np.ascontiguousarray(array, np.uint8)).save(temporary, format="PNG")
    except OSError as error:
        raise DataError(f"cannot write '{path}': {error.strerror or error}; check the folder") from error


def open_image(path: PathLike) -> Image.Image:
    """The decoded Pillow image of a file, in the mode it is stored in; ``DataError`` where that fails."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.load()
            return image
    except FileNotFoundError as error:
        raise DataError(f"there is no image file '{path}'; check the path") from error
    except UnidentifiedImageError as error:
        empty = Path(path).stat().st_size == 0
        reason = "it is empty" if empty else "it is no image of a known format, or its head is damaged"
        raise _unreadable(path, reason) from error
    except Exception as error:  # decoders raise what they like on damaged files: struct.error, SyntaxError
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise _unreadable(path, reason) from error


def to_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB, without transparency."""
    if "transparency" in image.info or image.mode == "PA":
        image = image.convert("RGBA")  # from a palette straight to RGB, Pillow warns about what is dropped
    return image if image.mode == "RGB" else image.convert("RGB")


def whole_numbers(image: Image.Image, path: PathLike) -> NDArray[Any]:
    """The values of a 32-bit image, which must fit 16 bits (older Pillows open 16-bit files that way)."""
    array = np.asarray(image)
    if array.min() < 0 or array.max() > 65535:
        seen = f"values from {array.min()} to {array.max()}"
        raise DataError(f"image file '{path}' has 32-bit {seen}; convert it to 8 or 16 bits, 0 to 65535")
    return array


def _unreadable(path: PathLike, reason: str) -> DataError:
    return DataError(f"cannot read image file '{path}': {reason}; repair the file or leave it out")
