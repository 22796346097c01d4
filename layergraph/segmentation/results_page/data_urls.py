"""Pictures as addresses that hold them, so that a page is one file."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layergraph.labels import UNLABELED
from layergraph.segmentation.pictures.wrong_pixels import ERROR_COLOR, wrong_pixels


def picture_url(picture: NDArray[np.uint8]) -> str:
    """A picture (H, W, 3) as JPEG, at a fifth of the bytes of a PNG file.

    >>> picture_url(np.zeros((2, 2, 3), np.uint8))[:23]
    'data:image/jpeg;base64,'
    """
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "jpeg", quality=85)
    return _url("jpeg", file)


def label_url(labels: NDArray[np.uint8], colors: Sequence[tuple[int, ...]]) -> str:
    """Labels (H, W) in the colors of their classes, transparent where unlabeled.

    >>> label_url(np.zeros((2, 2), np.uint8), [(255, 0, 0)])[:22]
    'data:image/png;base64,'
    """
    from PIL import Image

    image = Image.fromarray(labels)
    # a palette, since the labels are its indices: a byte a pixel, and less after compression; of all 256
    # colors, because Pillow writes pixels of 4 bits or fewer for a small one, and 255 would become a class
    palette = [channel for color in colors for channel in color]
    image.putpalette(palette + [0] * (3 * 256 - len(palette)))
    file = io.BytesIO()
    image.save(file, "png", transparency=UNLABELED, optimize=True)
    return _url("png", file)


def error_url(truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> str:
    """The labeled pixels that are predicted wrong, in red; the others are transparent."""
    marked = np.where(wrong_pixels(truth, predicted), 0, UNLABELED)
    return label_url(marked.astype(np.uint8), [ERROR_COLOR])


def _url(form: str, file: io.BytesIO) -> str:
    return f"data:image/{form};base64,{base64.b64encode(file.getvalue()).decode()}"
