"""TIFF files beyond what Pillow reads whole: several pages, many channels, 16-bit color, other numbers."""

from __future__ import annotations

import math
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from layergraph.data.formats.stored_image import Pages, StoredImage, read_error, several_pages
from layergraph.data.image_files import PathLike
from layergraph.errors import DataError, MissingExtraError
from layergraph.wording import quoted, times, visible

if TYPE_CHECKING:
    from PIL import Image

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two are BigTIFF
_BITS, _FORMAT, _PLANAR, _SAMPLES, _EXTRA, _ORIENTATION = 258, 339, 284, 277, 338, 274  # tags
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3  # values of _FORMAT
_ALPHA = (1, 2)  # values of _EXTRA; 0 is a channel of another meaning
_WHITE_IS_ZERO, _PALETTE, _PHOTOMETRIC = 0, 3, (0, 1, 2, 3)  # gray twice, RGB, palette


def is_tiff(path: PathLike) -> bool:
    """Whether a file begins as a TIFF."""
    with open(path, "rb") as file:
        return file.read(4) in _MAGIC


def is_plain(image: Image.Image) -> bool:
    """Whether Pillow reads all that a page holds.

    Pillow silently leaves out channels of no known meaning, reads 16-bit color as 8-bit, and signed bytes as
    unsigned ones.
    """
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    bits, formats = set(tags.get(_BITS, (1,))), set(tags.get(_FORMAT, (_UNSIGNED,)))
    samples, extra = tags.get(_SAMPLES, 1), tuple(tags.get(_EXTRA, ()))
    if len(bits) > 1 or len(formats) > 1 or any(kind not in _ALPHA for kind in extra):
        return False
    (depth,), (number,) = bits, formats
    if samples == 1:
        whole = number == _UNSIGNED or (number == _SIGNED and depth >= 16)
        return (whole and depth <= 32) or (number, depth) == (_FLOAT, 32)
    return bool(depth == 8 and number == _UNSIGNED)


def whole_type(image: Image.Image) -> np.dtype[Any]:
    """The type of the whole numbers of a page, which Pillow reads with 32 bits."""
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    kind = "i" if tags.get(_FORMAT, (_UNSIGNED,))[0] == _SIGNED else "u"
    return np.dtype(f"{kind}{max(tags.get(_BITS, (16,))[0] // 8, 2)}")


def read_tiff(path: PathLike, pages: Pages) -> StoredImage:
    """The image or volume of a TIFF file, read by tifffile.

    The file says what its axes are (ImageJ, OME, planes of samples), or ``pages`` says what several pages
    are. A further page of another size, such as a preview, is left out, as is transparency.

    Raises:
        DataError: the file is damaged, or does not say what its pages are.
        MissingExtraError: tifffile is not installed.
    """
    try:
        tifffile = import_module("tifffile")
    except ModuleNotFoundError:
        raise MissingExtraError(
            f"image file {quoted(str(path))} has more than Pillow reads (several pages, 16-bit color, or "
            "other channels or numbers), and needs the package tifffile, which is not installed: "
            'pip install "layergraph[tiff]"'
        ) from None
    try:
        with tifffile.TiffFile(path) as file:
            series, page = file.series[0], file.pages[0]
            # 1. the axes, before the pixels are read
            is_named = [
                size > 1 or axis in "YX" for axis, size in zip(series.axes, series.shape, strict=True)
            ]
            axes = "".join(axis for axis, named in zip(series.axes, is_named, strict=True) if named)
            shape = [size for size, named in zip(series.shape, is_named, strict=True) if named]
            order, names = _order(path, axes, dict(zip(axes, shape, strict=True)), pages)
            photometric, orientation = int(page.photometric), int(page.tags.valueof(_ORIENTATION, 1))
            if photometric not in _PHOTOMETRIC:
                raise read_error(
                    path, f"several pages or many bits in {page.photometric.name} are not supported"
                )
            # 2. the numbers, in the byte order of this machine, as torch takes no other
            values = series.asarray().reshape(shape)
            values = values.astype(values.dtype.newbyteorder("="), copy=False)
            # 3. their meaning: transparency is the last samples
            if alpha := [kind for kind in page.extrasamples if int(kind) in _ALPHA]:
                values = values.take(range(values.shape[axes.index("S")] - len(alpha)), axes.index("S"))
            if photometric == _WHITE_IS_ZERO and values.dtype.kind in "bu":
                values = ~values
            values = values.transpose([axes.index(axis) for axis in order])
            # 16-bit colors of a palette are 8-bit ones, times 257
            palette = (page.colormap >> 8).astype(np.uint8).T if photometric == _PALETTE else None
    except DataError:
        raise
    except Exception as error:  # of many kinds on damaged files, as from any decoder
        raise read_error(path, _reason(error)) from error
    if values.dtype.kind not in "biuf":
        raise DataError(f"image file {quoted(str(path))} must hold real numbers, got {values.dtype}")
    return StoredImage(np.ascontiguousarray(values), names, "TIFF", str(values.dtype), orientation, palette)


def _order(path: PathLike, axes: str, sizes: dict[str, int], pages: Pages) -> tuple[str, str]:
    """The axes of the file in our order, and their names: ``("YXZ", "HWD")``."""
    from PIL import Image

    height, width = sizes["Y"], sizes["X"]
    limit = Image.MAX_IMAGE_PIXELS
    # Pillow refuses twice its limit, as a small file can unpack to more than the memory
    if limit and height * width > 2 * limit:
        raise DataError(
            f"image file {quoted(str(path))} is refused for its size ({width}×{height}); if you trust it, "
            "set PIL.Image.MAX_IMAGE_PIXELS = None before reading"
        )
    samples = [axis for axis in axes if axis in "SC"]
    depth = [axis for axis in axes if axis == "Z"]
    # Q and I are tifffile's letters for pages without a word about them, T is time
    others = [axis for axis in axes if axis not in "YXSCZ"]
    if others and pages == "error":
        raise several_pages(path, math.prod(sizes[axis] for axis in others), height, width)
    (samples if pages == "channels" else depth).extend(others)
    if pages == "channels" and depth and not samples:
        samples, depth = depth, []
    if len(samples) > 1 or len(depth) > 1 or not {"Y", "X"} <= set(axes):
        raise DataError(
            f"image file {quoted(str(path))} must hold one image or volume, got the axes "
            f"{times(sizes.values())} ({axes}); save each image as a file"
        )
    return "".join(["Y", "X", *depth, *samples]), "HW" + "D" * len(depth) + "C" * len(samples)


def _reason(error: Exception) -> str:
    reason = str(error) or type(error).__name__
    if "imagecodecs" in reason:
        return (
            "its compression needs the package imagecodecs, which is not installed: pip install imagecodecs"
        )
    return visible(reason)
