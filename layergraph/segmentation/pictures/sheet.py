"""A picture of images, truth and predictions side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.label_ids import class_names
from layergraph.errors import DataError
from layergraph.segmentation.pictures.colors import class_colors
from layergraph.segmentation.pictures.overlay import labeloverlay
from layergraph.segmentation.pictures.picture_rows import draw_rows
from layergraph.segmentation.pictures.rgb_image import rgb_bytes

_TITLES = ("image", "truth", "predicted")


def overlay_sheet(
    images: Sequence[ArrayLike],
    truths: Sequence[ArrayLike],
    predictions: Sequence[ArrayLike],
    classes: Sequence[str],
    *,
    colormap: ArrayLike | None = None,
    transparency: float = 0.4,
    scale: int | None = None,
) -> NDArray[np.uint8]:
    """Draw a sheet with one row per image: the image, its true labels over it, the predicted labels.

    ``images`` and the labels are those of :func:`labeloverlay`, one of each per row; a legend below shows
    ``classes`` and their colors. Every picture is enlarged ``scale`` times without smoothing; the default
    enlarges small pictures until the longer side of the largest has about 192 pixels.

    Returns a uint8 RGB array (height, width, 3). Raises DataError for sequences that are empty or differ in
    length, ArgumentError for a scale below 1 and fewer colors than classes, and the errors of
    :func:`labeloverlay`.

    >>> image, labels = np.zeros((32, 32)), np.eye(32, dtype=np.uint8)
    >>> overlay_sheet([image], [labels], [labels], ["background", "line"]).shape[2]
    3
    """
    if not len(images) == len(truths) == len(predictions):
        raise DataError(
            "overlay_sheet: there must be one truth and one prediction per image, got "
            f"{len(images)} images, {len(truths)} truths and {len(predictions)} predictions"
        )
    if not len(images):
        raise DataError("overlay_sheet: images must hold one image or more, got none")
    classes = class_names(classes, "overlay_sheet: classes")
    colors = class_colors(colormap, len(classes), "overlay_sheet: colormap")
    rows = []
    for index, image in enumerate(images):
        picture = rgb_bytes(image, f"overlay_sheet: images[{index}]")
        overlays = [
            labeloverlay(picture, labels[index], colormap=colors, transparency=transparency, classes=classes)
            for labels in (truths, predictions)
        ]
        rows.append([picture, *overlays])
    return draw_rows("overlay_sheet", rows, _TITLES, classes, colors, scale)
