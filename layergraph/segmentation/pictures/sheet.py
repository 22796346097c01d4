"""A picture of images, truth and predictions side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.label_ids import class_names
from layergraph.errors import ArgumentError, DataError
from layergraph.layers import arguments
from layergraph.segmentation.pictures.colors import distinct_colors
from layergraph.segmentation.pictures.overlay import color_bytes, labeloverlay, rgb_bytes
from layergraph.wording import visible

_GAP, _TEXT, _LINE, _INK, _PAPER = 12, 16, 26, (30, 30, 30), (255, 255, 255)
_PICTURE_SIZE = 192  # a picture is scaled up until its longer side has about this many pixels
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
    # chosen once, so that overlays and legend agree
    colors = (
        distinct_colors(len(classes))
        if colormap is None
        else color_bytes(colormap, "overlay_sheet: colormap")
    )
    if len(colors) < len(classes):
        raise ArgumentError(
            f"overlay_sheet: colormap must have one color per class ({len(classes)}), got {len(colors)}"
        )
    rows = []
    for index, image in enumerate(images):
        picture = rgb_bytes(image, f"overlay_sheet: images[{index}]")
        overlays = [
            labeloverlay(picture, labels[index], colormap=colors, transparency=transparency, classes=classes)
            for labels in (truths, predictions)
        ]
        rows.append([picture, *overlays])
    factor = _factor(rows, scale)  # one for all rows, so that pictures stay comparable
    # repeated pixels, since smoothing would blur the borders of classes
    tiles = [[picture.repeat(factor, axis=0).repeat(factor, axis=1) for picture in row] for row in rows]
    # a colormap may have more colors than there are classes
    return _draw(tiles, list(zip(map(visible, classes), map(tuple, colors.tolist()), strict=False)))


def _factor(rows: list[list[NDArray[np.uint8]]], scale: int | None) -> int:
    if scale is None:
        largest = max(max(row[0].shape[:2]) for row in rows)
        return max(1, int(_PICTURE_SIZE // largest))
    return arguments.whole("overlay_sheet", "scale", scale)


def _draw(
    tiles: list[list[NDArray[np.uint8]]], legend: list[tuple[str, tuple[int, ...]]]
) -> NDArray[np.uint8]:
    # imported here: Pillow costs 30 ms, and only a drawing needs it
    from PIL import Image, ImageDraw, ImageFont

    # the layout: widths, then lines of the legend, which need the width, then the height
    font = ImageFont.load_default(_TEXT)
    title_width = max(int(font.getlength(title)) + 1 for title in _TITLES)
    column = max(title_width, *(row[0].shape[1] for row in tiles)) + _GAP
    width = _GAP + column * len(_TITLES)
    entries = [_LINE + int(font.getlength(name)) + _GAP for name, _ in legend]
    width = max(width, _GAP + max(entries, default=0))  # a long class name widens the sheet
    lines = _wrap(entries, width - _GAP)
    body = sum(row[0].shape[0] + _GAP for row in tiles)
    height = _GAP + _LINE + body + _LINE * len(lines) + _GAP

    # the drawing, from top to bottom: titles, rows of pictures, legend
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, title in enumerate(_TITLES):
        draw.text((_GAP + number * column, _GAP), title, fill=_INK, font=font)
    top = _GAP + _LINE
    for row in tiles:
        for number, tile in enumerate(row):
            sheet.paste(Image.fromarray(tile), (_GAP + number * column, top))
        top += row[0].shape[0] + _GAP
    for line in lines:
        left = _GAP
        for number in line:
            name, color = legend[number]
            draw.rectangle((left, top, left + _TEXT, top + _TEXT), fill=color, outline=_INK)
            draw.text((left + _LINE - 4, top + _TEXT // 2), name, fill=_INK, font=font, anchor="lm")
            left += entries[number]
        top += _LINE
    return np.array(sheet)


def _wrap(widths: list[int], room: int) -> list[list[int]]:
    """The indices of the widths per line, each line as full as ``room`` allows."""
    lines: list[list[int]] = []
    # more than the room, so that the first width starts a line
    used = room + 1
    for index, width in enumerate(widths):
        if used + width > room:
            lines.append([])
            used = 0
        lines[-1].append(index)
        used += width
    return lines
