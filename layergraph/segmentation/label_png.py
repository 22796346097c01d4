"""Label images as PNG files with a palette, written row by row."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layergraph.atomic import atomic_file
from layergraph.data.class_colors import distinct_colors
from layergraph.errors import DataError
from layergraph.labels import UNLABELED
from layergraph.wording import quoted

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EIGHT_BITS, _PALETTE = 8, 3
_UP = b"\2"  # the filter that stores the difference to the row above: most are 0 in a label image


def write_label_png(path: Path, bands: Iterable[NDArray[np.uint8]], size: tuple[int, int]) -> None:
    """Write class indices, bands of rows from top to bottom, as a PNG of ``size`` (height, width).

    The pixel values are the class indices, which :class:`PixelLabelDatastore` reads; the palette shows them
    in the colors of :func:`distinct_colors`, and 255 (unlabeled) in black. Memory holds one band. The file is
    never half-written. Pillow writes whole images only.

    Raises:
        DataError: the file cannot be written.
        ValueError: the bands have another size.

    Source: W3C, Portable Network Graphics (PNG) Specification.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_label_png(Path(folder, "a.png"), iter(np.uint8([[[0, 1]], [[1, 255]]])), (2, 2))
    ...     with Image.open(Path(folder, "a.png")) as image:
    ...         image.mode, np.asarray(image).tolist()
    ('P', [[0, 1], [1, 255]])
    """
    height, width = size
    try:
        # not synced: sets of thousands of images would take minutes, and can be made again
        with atomic_file(path, synced=False) as temporary, temporary.open("wb") as file:
            file.write(_SIGNATURE)
            file.write(
                _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, _EIGHT_BITS, _PALETTE, 0, 0, 0))
            )
            file.write(_chunk(b"PLTE", _palette()))
            compressor = zlib.compressobj(6)
            above, rows = np.zeros((1, width), np.uint8), 0
            for band in bands:
                # whole numbers of 8 bits wrap around, as the filter asks
                differences = band - np.concatenate([above, band[:-1]])
                filtered = np.empty((len(band), width + 1), np.uint8)
                filtered[:, 0], filtered[:, 1:] = _UP[0], differences
                if data := compressor.compress(filtered.tobytes()):
                    file.write(_chunk(b"IDAT", data))
                above, rows = band[-1:].copy(), rows + len(band)
            if rows != height:
                raise ValueError(f"write_label_png: bands must have {height} rows in all, got {rows}")
            file.write(_chunk(b"IDAT", compressor.flush()))
            file.write(_chunk(b"IEND", b""))
    except OSError as error:
        raise DataError(
            f"cannot write {quoted(str(path))}: {error.strerror or error}; check the folder"
        ) from error


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def _palette() -> bytes:
    # the first colors are the same for every count, so that no count need be known before the first row
    colors = np.zeros((256, 3), np.uint8)
    colors[:UNLABELED] = distinct_colors(UNLABELED)
    return colors.tobytes()
