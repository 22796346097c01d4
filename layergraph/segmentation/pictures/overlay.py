"""Labels drawn over images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.class_colors import distinct_colors
from layergraph.data.class_indices import class_indices, mask_error
from layergraph.data.label_array import class_names_of
from layergraph.data.label_ids import class_names
from layergraph.errors import ArgumentError, DataError, WrongTypeError, did_you_mean
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.segmentation.arrays import real_array
from layergraph.wording import counted, quoted


def labeloverlay(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    colormap: ArrayLike | None = None,
    transparency: float = 0.5,
    included_labels: Sequence[int | str] | str | None = None,
    classes: Sequence[str] | None = None,
) -> NDArray[np.uint8]:
    """Tint each pixel of ``image`` with the color of its class.

    ``image`` is (H, W), (H, W, 1) or (H, W, 3), uint8, uint16 or float in 0 .. 1; ``labels`` is (H, W) with
    class indices, or 255 (unlabeled) for pixels that stay unchanged. ``colormap`` is (M, 3), row i for class
    i, uint8 or float in 0 .. 1; by default :func:`distinct_colors`. ``transparency`` 0 shows the plain
    colors, 1 the plain image. ``included_labels`` holds the classes to show, by default all, as indices or
    as names (of ``classes``, or of labels that know their classes).

    Returns uint8 RGB (H, W, 3). Raises DataError for sizes and values out of range, and for plain labels
    that hold only 0 and 255 (a mask), WrongTypeError for arrays of another type, ArgumentError for an unknown
    class, and for a colormap or transparency out of range. Source: MATLAB, labeloverlay.

    >>> labeloverlay([[0.0, 1.0]], [[0, 255]], colormap=[[1.0, 0.0, 0.0]]).tolist()
    [[[128, 0, 0], [255, 255, 255]]]
    """
    # always a copy, so that drawing into it leaves the caller's image unchanged
    picture = rgb_bytes(image, "labeloverlay: image")
    indices = class_indices(labels, "labeloverlay: labels")
    if indices.shape != picture.shape[:2]:
        raise DataError(
            "labeloverlay: image and labels must have the same height and width, got "
            f"{picture.shape[:2]} and {indices.shape}"
        )
    if indices.min(initial=0) < 0:
        raise DataError(f"labeloverlay: labels must be 0 or more, got {indices.min()}")
    visibility = arguments.number("labeloverlay", "transparency", transparency, 0, 1)
    names = class_names_of(labels) if classes is None else class_names(classes, "labeloverlay: classes")
    shown = indices != UNLABELED
    # only classes that occur need a color, and the default colors are the same for every count
    highest = int(indices.max(initial=0, where=shown))
    colors = (
        distinct_colors(highest + 1) if colormap is None else color_bytes(colormap, "labeloverlay: colormap")
    )
    if highest >= len(colors):
        raise ArgumentError(
            f"labeloverlay: colormap must have a color for the label {highest}, got "
            f"{counted(len(colors), 'color')}"
        )
    # labels that are only 0 and 255, unless their names or the one color show that they have one class
    is_mask = highest == 0 and shown.any() and not shown.all()
    if is_mask and names is None and (colormap is None or len(colors) > 1):
        raise mask_error("labeloverlay: labels")
    if included_labels is not None:
        shown &= np.isin(indices, _included_indices(included_labels, names))
    mixed = visibility * picture[shown] + (1 - visibility) * colors[indices[shown].astype(np.intp)]
    picture[shown] = np.floor(mixed + 0.5).astype(np.uint8)  # MATLAB's rounding: halves go up
    return picture


def _included_indices(labels: Sequence[int | str] | str, names: tuple[str, ...] | None) -> list[int]:
    """Class indices of names and numbers."""
    indices = []
    for label in [labels] if isinstance(labels, str) or not isinstance(labels, Iterable) else labels:
        if isinstance(label, str):
            if names is None:
                raise ArgumentError(
                    "labeloverlay: included_labels must be class indices for labels without class names, "
                    f"got {quoted(label)}; give classes too"
                )
            if label not in names:
                raise ArgumentError(
                    f"labeloverlay: included_labels must be classes, got {quoted(label)}"
                    f"{did_you_mean(label, names)}"
                )
            indices.append(names.index(label))
        else:
            top = UNLABELED if names is None else len(names) - 1
            # unlabeled pixels are accepted, but stay unchanged: shown omits them
            if label != UNLABELED:
                arguments.whole("labeloverlay", "included_labels", label, 0, top)
            indices.append(int(label))
    return indices


def rgb_bytes(image: ArrayLike, owner: str) -> NDArray[np.uint8]:
    """A new uint8 RGB array (H, W, 3) of a gray or RGB image: bool, uint8, uint16 or float in 0 .. 1.

    ``owner`` is the image's name in errors. Raises DataError for another shape or range, WrongTypeError for
    another type of numbers.

    >>> rgb_bytes([[1.0]], "labeloverlay: image").tolist()
    [[[255, 255, 255]]]
    """
    array = real_array(image, owner)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        raise DataError(f"{owner} must be (H, W), (H, W, 1) or (H, W, 3), got the shape {np.shape(image)}")
    # repeat copies even a picture of three channels
    return np.repeat(_bytes(array, owner), 3 // array.shape[2], axis=2)


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
        return _bytes(colors, owner)
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


def _bytes(array: NDArray[Any], owner: str) -> NDArray[np.uint8]:
    """uint8 unchanged; bool, uint16 and floats in 0 .. 1 scaled; whole numbers of a list count as bytes."""
    if array.dtype.kind == "f":
        # "not all" instead of "any outside": NaN fails both comparisons
        if not ((array >= 0) & (array <= 1)).all():
            raise DataError(
                f"{owner} must hold floats from 0 to 1, got some out of range; divide by 255, or give uint8"
            )
        return np.floor(array * 255.0 + 0.5).astype(np.uint8)
    if array.dtype == bool:
        return array * np.uint8(255)
    if array.dtype == np.uint16:
        # 257 = 65535 / 255, so that white stays white
        return np.floor(array / 257 + 0.5).astype(np.uint8)
    if array.dtype.kind not in "ui":
        raise WrongTypeError(f"{owner} must hold uint8, uint16 or floats, got an array of {array.dtype}")
    # int64 comes here too: NumPy's type for a list of whole numbers
    if array.size and (array.min() < 0 or array.max() > 255):
        raise DataError(f"{owner} must hold whole numbers from 0 to 255, got {array.min()} to {array.max()}")
    return array.astype(np.uint8)
