"""Colors of classes in pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.class_colors import distinct_colors
from layergraph.errors import ArgumentError, DataError
from layergraph.segmentation.arrays import real_array
from layergraph.segmentation.pictures.rgb_image import as_bytes


def color_bytes(colormap: ArrayLike, owner: str) -> NDArray[np.uint8]:
    """A colormap as uint8 (M, 3), from uint8 or float in 0 .. 1.

    Raises ArgumentError for another shape or range, WrongTypeError for another type of numbers.

    >>> color_bytes([[1.0, 0.0, 0.2]], "labeloverlay: colormap").tolist()
    [[255, 0, 51]]
    """
    colors = real_array(colormap, owner)
    if colors.ndim != 2 or colors.shape[1] != 3 or not len(colors):
        raise ArgumentError(f"{owner} must be (M, 3), one RGB row per class, got the shape {colors.shape}")
    # MATLAB's colormaps are from 0 to 1, and one of pure colors has whole numbers
    if colors.dtype.kind in "ui" and colors.max() == 1:
        raise ArgumentError(
            f"{owner} must hold whole numbers from 0 to 255, got only 0 and 1, nearly black; give 0 to 255, "
            "or floats"
        )
    try:
        # for a colormap, a wrong range is a wrong argument, not wrong data
        return as_bytes(colors, owner, "give uint8")
    except DataError as error:
        raise ArgumentError(str(error)) from None


def class_colors(colormap: ArrayLike | None, count: int, owner: str) -> NDArray[np.uint8]:
    """The colors of ``count`` classes, uint8 (M, 3): those of ``colormap``, or :func:`distinct_colors`.

    A sheet chooses them once, so that all overlays and the legend agree. Raises ArgumentError for fewer
    colors than classes, and the errors of :func:`color_bytes`.

    >>> class_colors(None, 2, "overlay_sheet: colormap").shape
    (2, 3)
    """
    colors = distinct_colors(count) if colormap is None else color_bytes(colormap, owner)
    if len(colors) < count:
        raise ArgumentError(f"{owner} must have one color per class ({count}), got {len(colors)}")
    return colors
