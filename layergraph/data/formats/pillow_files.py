"""Images in the formats that Pillow decodes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.formats.stored_image import Pages, StoredImage, read_error, several_pages, turn
from layergraph.data.formats.tiff_files import is_plain, is_tiff, read_tiff, whole_type
from layergraph.data.image_files import PathLike
from layergraph.errors import DataError
from layergraph.wording import quoted

if TYPE_CHECKING:
    from PIL import Image

SUPPORTED = (
    "images in BMP, GIF, JPEG, PNG, PNM, TIFF and WebP files, arrays in .npy and .npz files, and volumes in "
    ".nii and .nii.gz files"
)
_OTHERS = {
    ".mat": "it holds MATLAB variables; read it with scipy.io.loadmat, for example in a read_fcn",
    ".gz": "it is compressed; unpack it, or read it with the library of its format in a read_fcn",
}
_ORIENTATION = 0x0112  # the tag of EXIF and TIFF


def read_pillow(path: PathLike, pages: Pages) -> StoredImage:
    """The image of a file that Pillow reads; TIFF files that it would not read whole go to tifffile.

    Raises ``DataError`` with the path and the reason for a file that cannot be read.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if image.format == "TIFF" and not is_plain(image):
                return read_tiff(path, pages)
            count = _num_pages(image)
            # before the pixels are read: Pillow reads the first page of a volume without a word
            if count > 1 and image.format == "TIFF":
                return read_tiff(path, pages)
            if count > 1 and pages == "error":
                raise several_pages(path, count, image.height, image.width)
            return _stored(image, path, count)
    # unchanged, where the last clause below would put it into an error of another text
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"there is no image file {quoted(str(path))}; check the path") from error
    except UnidentifiedImageError as error:
        if Path(path).stat().st_size == 0:  # the usual rest of a full disk or of an aborted copy
            raise read_error(path, "it is empty") from error
        if is_tiff(path):
            return read_tiff(path, pages)
        if advice := _OTHERS.get(Path(path).suffix.lower()):
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
    except ImportError:  # MissingExtraError names the package to install
        raise
    except Exception as error:  # decoders raise any error on damaged files: struct.error, SyntaxError
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise read_error(path, reason) from error


def loaded_image(image: Image.Image) -> StoredImage:
    """The current page of an image that is open already, such as one of a dataset of another library.

    >>> from PIL import Image
    >>> loaded_image(Image.new("RGB", (6, 4))).values.shape
    (4, 6, 3)
    """
    values, mode = _array(image), image.mode
    palette = _palette(image) if mode in ("P", "PA") else None
    return StoredImage(values, "HW" + "C" * (values.ndim == 3), image.format or "", mode, palette=palette)


def _num_pages(image: Image.Image) -> int:
    """The number of pages, or 1 if the second has another size, as the preview in a phone's JPEG does."""
    count = getattr(image, "n_frames", 1)
    if count > 1:
        size = image.size
        image.seek(1)
        # Pillow counts the preview of a phone's JPEG as a second frame
        count = count if image.size == size else 1
        image.seek(0)
    return int(count)


def _stored(image: Image.Image, path: PathLike, count: int) -> StoredImage:
    # 1. what Pillow drops when it loads the pixels, as getexif does, too
    raw_mode, losses = _raw_mode(image), tuple(_losses(image, count))
    orientation = int(image.getexif().get(_ORIENTATION, 1))
    mode, format_ = image.mode, image.format or ""
    # 2. the pixels
    if count == 1 and _is_deep(image, raw_mode):
        values = _sixteen_bits(path, raw_mode)
        return StoredImage(values, "HW" + "C" * (values.ndim == 3), format_, raw_mode, orientation)
    arrays = []
    for page in range(count):
        image.seek(page)
        array = _array(image)
        # the frames of an animation may have palettes of their own, or none
        arrays.append(_palette(image)[array] if count > 1 and image.mode in ("P", "PA") else array)
    values = arrays[0] if count == 1 else np.stack(arrays, axis=2)
    # Pillow turns TIFF files, and no others, as their tag says
    if format_ == "TIFF":
        values = turn(values, orientation, back=True)
    axes = "HW" + "D" * (count > 1) + "C" * (arrays[0].ndim == 3)
    palette = _palette(image) if mode in ("P", "PA") and arrays[0].ndim == 2 else None
    return StoredImage(values, axes, format_, mode, orientation, palette, losses)


def _array(image: Image.Image) -> NDArray[Any]:
    """A page as an array (height, width), or (height, width, 3) in color; transparency is left out."""
    image.load()
    mode = image.mode
    # 1. gray, indices, numbers; np.array copies, since np.asarray of a Pillow image is read-only
    if mode in ("LA", "La"):
        return np.array(image.getchannel(0))
    if mode in ("P", "PA"):
        return np.array(image if mode == "P" else image.getchannel(0))
    if mode == "I":
        # older Pillows open files of 16 bits with 32
        return np.array(image).astype(whole_type(image) if image.format == "TIFF" else np.uint16)
    if mode.startswith("I;16"):
        return np.array(image).astype(np.uint16)  # the file may have the other byte order
    if mode in ("1", "L", "F"):
        return np.array(image)
    # 2. color
    return np.array(image if mode == "RGB" else image.convert("RGB"))


def _palette(image: Image.Image) -> NDArray[np.uint8]:
    """256 colors; values beyond the palette are black."""
    colors = np.zeros((256, 3), np.uint8)
    stored = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    colors[: len(stored)] = stored
    return colors


def _raw_mode(image: Image.Image) -> str:
    """How the file stores a pixel, such as ``"RGB;16B"``."""
    tiles: Any = getattr(image, "tile", ())
    arguments = tiles[0].args if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _is_deep(image: Image.Image, raw_mode: str) -> bool:
    # the mode is that of 8-bit color
    return image.format == "PNG" and raw_mode in ("RGB;16B", "RGBA;16B", "LA;16B")


def _sixteen_bits(path: PathLike, raw_mode: str) -> NDArray[np.uint16]:
    """Color, or gray with transparency, of 16 bits in a PNG; Pillow itself keeps the upper 8 bits.

    Its unpackers take either byte of a number, so the file is decoded once for each. Gray with transparency
    has four bytes per pixel, as 8-bit RGBA has, and one unpacker takes them all.
    """
    if raw_mode.startswith("LA"):
        bytes_ = _decode_as(path, "RGBA")
        return (bytes_[..., 0] << 8 | bytes_[..., 1]).astype(np.uint16)
    high, low = _decode_as(path, raw_mode), _decode_as(path, raw_mode[:-1] + "L")
    return (high << 8 | low)[..., :3].astype(np.uint16)


def _decode_as(path: PathLike, raw_mode: str) -> NDArray[np.uint16]:
    from PIL import Image

    with Image.open(path) as image:
        image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
        return np.array(image).astype(np.uint16)


def _losses(image: Image.Image, count: int) -> Iterator[str]:
    tiles: Any = getattr(image, "tile", ())
    is_deep_ppm = bool(tiles) and tiles[0].codec_name == "ppm" and tiles[0].args[1] > 255
    is_deep_ppm = is_deep_ppm and image.mode == "RGB"
    if is_deep_ppm or (count > 1 and _is_deep(image, _raw_mode(image))):
        yield "has 16 bits per color channel, of which the upper 8 are read"
