"""Labels drawn over images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.errors import DataError, WrongTypeError
from layergraph.labels import UNLABELLED
from layergraph.segmentation.colors import distinct_colors


def labeloverlay(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    colormap: ArrayLike | None = None,
    transparency: float = 0.5,
    included_labels: Sequence[int] | None = None,
) -> NDArray[np.uint8]:
    """Tint each pixel of ``image`` with the colour of its class.

    ``image`` is (H, W), (H, W, 1) or (H, W, 3), uint8, uint16 or float in 0 .. 1; ``labels`` is (H, W) of
    class indices, 255 for unlabelled, which stays as it is. ``colormap`` is (M, 3), row i for class i,
    uint8 or float in 0 .. 1; by default :func:`distinct_colors`. ``transparency`` 0 shows the plain colours,
    1 the plain image. ``included_labels`` names the class indices to show, all by default.

    Returns uint8 RGB (H, W, 3). Raises DataError for sizes, values, colours or a transparency that do
    not fit, WrongTypeError for arrays of another kind. Source: MATLAB, labeloverlay.

    >>> labeloverlay([[0.0, 1.0]], [[0, 255]], colormap=[[1.0, 0.0, 0.0]]).tolist()
    [[[128, 0, 0], [255, 255, 255]]]
    """
    picture = rgb_bytes(image, "the image")
    classes = np.asarray(labels)
    if classes.dtype.kind not in "bui":
        raise WrongTypeError(f"labels must be integer class indices, got an array of {classes.dtype}")
    if classes.shape != picture.shape[:2]:
        raise DataError(
            f"the labels have the shape {classes.shape} and the image has {picture.shape[:2]} pixels; "
            "both must have one height and width"
        )
    if not 0 <= transparency <= 1:
        raise DataError(f"transparency must be 0 (opaque) to 1 (invisible), got {transparency}")
    shown = classes != UNLABELLED
    highest = int(classes.max(initial=0, where=shown))
    if classes.min(initial=0) < 0:
        raise DataError(f"labels must be 0 or more, got {classes.min()}")
    if included_labels is not None:
        shown &= np.isin(classes, np.asarray(included_labels))
    colors = distinct_colors(highest + 1) if colormap is None else color_bytes(colormap)
    if highest >= len(colors):
        raise DataError(f"the colormap has {len(colors)} colours, too few for the label {highest}")
    mixed = transparency * picture[shown] + (1 - transparency) * colors[classes[shown].astype(np.intp)]
    picture[shown] = np.floor(mixed + 0.5).astype(np.uint8)  # MATLAB's rounding: halves go up
    return picture


def rgb_bytes(image: ArrayLike, what: str) -> NDArray[np.uint8]:
    """A new uint8 RGB array (H, W, 3) of a grey or RGB image, uint8, uint16 or float in 0 .. 1.

    ``what`` is the image's name in errors: DataError for another shape or range, WrongTypeError for
    another kind of number.

    >>> rgb_bytes([[1.0]], "the image").tolist()
    [[[255, 255, 255]]]
    """
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        raise DataError(f"{what} must be (H, W), (H, W, 1) or (H, W, 3), got the shape {np.shape(image)}")
    return np.repeat(_bytes(array, what), 3 // array.shape[2], axis=2)


def color_bytes(colormap: ArrayLike) -> NDArray[np.uint8]:
    """A colormap as uint8 (M, 3), from uint8 or float in 0 .. 1.

    Raises DataError for another shape or range, WrongTypeError for another kind of number.

    >>> color_bytes([[1.0, 0.0, 0.2]]).tolist()
    [[255, 0, 51]]
    """
    colors = np.asarray(colormap)
    if colors.ndim != 2 or colors.shape[1] != 3 or not len(colors):
        raise DataError(f"a colormap is (M, 3), one RGB row a class, got the shape {colors.shape}")
    return _bytes(colors, "the colormap")


def _bytes(array: NDArray[Any], what: str) -> NDArray[np.uint8]:
    """uint8 as it is, uint16 and floats in 0 .. 1 scaled; whole numbers 0 .. 255 of a list count as bytes."""
    if array.dtype.kind == "f":
        if not ((array >= 0) & (array <= 1)).all():
            raise DataError(f"{what} is of floats, which must lie in 0 to 1; divide by 255, or give uint8")
        return np.floor(array * 255.0 + 0.5).astype(np.uint8)
    if array.dtype == np.uint16:
        return np.floor(array / 257 + 0.5).astype(np.uint8)
    if array.dtype.kind not in "ui":
        raise WrongTypeError(f"{what} must be of uint8, uint16 or floats, got an array of {array.dtype}")
    if array.size and (array.min() < 0 or array.max() > 255):
        raise DataError(f"{what} holds {array.min()} to {array.max()}; whole numbers must lie in 0 to 255")
    return array.astype(np.uint8)
