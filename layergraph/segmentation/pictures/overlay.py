"""Labels drawn over images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.class_colors import distinct_colors
from layergraph.data.class_indices import class_indices, mask_error
from layergraph.data.label_array import class_names_of
from layergraph.data.label_ids import class_names
from layergraph.errors import ArgumentError, DataError, did_you_mean
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.segmentation.pictures.axes_picture import draw_picture
from layergraph.segmentation.pictures.colors import color_bytes
from layergraph.segmentation.pictures.rgb_image import rgb_bytes
from layergraph.wording import counted, quoted

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def labeloverlay(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    colormap: ArrayLike | None = None,
    transparency: float = 0.5,
    included_labels: Sequence[int | str] | str | None = None,
    classes: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> NDArray[np.uint8]:
    """Tint each pixel of ``image`` with the color of its class.

    ``image`` is (H, W), (H, W, 1) or (H, W, 3), uint8, uint16 or float in 0 .. 1; :func:`rgb_image` makes one
    of others. ``labels`` is (H, W) with class indices, or 255 (unlabeled) for pixels that stay unchanged.
    ``colormap`` is (M, 3), row i for class i, uint8 or float in 0 .. 1; by default :func:`distinct_colors`.
    ``transparency`` 0 shows the plain colors, 1 the plain image. ``included_labels`` holds the classes to
    show, by default all, as indices or as names (of ``classes``, or of labels that know their classes).
    ``ax`` are axes of matplotlib that show the picture, too.

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
    if ax is not None:
        draw_picture(ax, picture)
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
