"""Small pictures of images, volumes and labels."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.class_colors import distinct_colors
from layergraph.labels import UNLABELED

SIDE = 96  # pixels of the longer side
_FINER = 4  # pixels per pixel of the picture, of which it is the mean; more would only take time


def thumbnail(array: NDArray[Any], *, is_label: bool, side: int = SIDE) -> str:
    """The address of a PNG picture, with the data in it: of an image (H, W[, C]) or labels (H, W).
    Its longer side has at most ``side`` pixels.

    Of a volume it shows the slice in the middle, and of other than 1 or 3 channels the first. Numbers
    other than bytes go from black, the lowest, to white. Labels have the colors of ``distinct_colors``, and
    what is no class is transparent.

    Raises ``ValueError`` for an array of other axes or without numbers.

    >>> thumbnail(np.zeros((4, 6), np.uint8), is_label=True)[:22]
    'data:image/png;base64,'
    """
    from PIL import Image

    plane = _plane(array, is_label)
    height, width = plane.shape[:2]
    step = max(1, max(height, width) // (side * _FINER))
    plane = np.ascontiguousarray(plane[::step, ::step])
    picture = Image.fromarray(_label_colors(plane) if is_label else _bytes(plane))
    scale = min(1, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = picture.resize(size, Image.Resampling.NEAREST if is_label else Image.Resampling.BOX)
    content = io.BytesIO()
    picture.save(content, "PNG")
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def _plane(array: NDArray[Any], is_label: bool) -> NDArray[Any]:
    """The image (H, W), (H, W, 3) or labels (H, W) to show."""
    num_axes = array.ndim + is_label
    if array.dtype.kind not in ("biu" if is_label else "biuf") or num_axes not in (2, 3, 4) or not array.size:
        raise ValueError("no image")
    if num_axes == 4:
        array = array[:, :, array.shape[2] // 2]
    return array[:, :, 0] if array.ndim == 3 and array.shape[2] != 3 else array


def _bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.dtype == np.uint8:
        return image
    values = image.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    # most images of decimals are from 0 to 1
    if image.dtype.kind in "bf" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    # halves first: the range of the largest numbers is infinite
    span = high / 2 - low / 2
    scaled = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) / 2 - low / 2) / (span or 1)
    return (scaled.clip(0, 1) * 255).astype(np.uint8)


def _label_colors(labels: NDArray[Any]) -> NDArray[np.uint8]:
    colors = np.zeros((UNLABELED + 1, 4), np.uint8)
    colors[:UNLABELED] = np.insert(distinct_colors(UNLABELED), 3, 255, axis=1)
    is_class = (labels >= 0) & (labels < UNLABELED)
    picture: NDArray[np.uint8] = colors[np.where(is_class, labels, UNLABELED).astype(np.intp)]
    return picture
