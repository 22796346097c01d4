"""Rows of pictures with titles above and a legend below."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layergraph.layers import arguments
from layergraph.segmentation.pictures.lettering import Lettering

_GAP, _TEXT, _LINE, _INK, _PAPER = 12, 16, 26, (30, 30, 30), (255, 255, 255)
_PICTURE_SIZE = 192  # a picture is scaled up until its longer side has about this many pixels


def draw_rows(
    owner: str,
    rows: Sequence[Sequence[NDArray[np.uint8]]],
    titles: Sequence[str],
    classes: Sequence[str],
    colors: NDArray[np.uint8],
    scale: int | None,
    captions: Sequence[str] = (),
) -> NDArray[np.uint8]:
    """Draw rows of pictures (H, W, 3), one per title, and a legend of ``classes`` with their colors (M, 3).

    ``captions`` are texts above the rows, one each. All pictures are enlarged ``scale`` times without
    smoothing; ``None`` enlarges until the longer side of the largest first picture of a row has about 192
    pixels. Returns uint8 RGB (height, width, 3). Raises ArgumentError, as ``owner``, for a scale below 1.

    >>> picture = np.zeros((8, 8, 3), np.uint8)
    >>> draw_rows("sheet", [[picture]], ["image"], [], picture[0], 20).shape[2]
    3
    """
    factor = _factor(owner, rows, scale)  # one for all rows, so that pictures stay comparable
    # repeated pixels, since smoothing would blur the borders of classes
    tiles = [[picture.repeat(factor, axis=0).repeat(factor, axis=1) for picture in row] for row in rows]
    lettering = Lettering(owner, [*titles, *captions, *classes], _TEXT)
    # a colormap may have more colors than there are classes
    legend = list(zip(classes, map(tuple, colors.tolist()), strict=False))
    return _draw(tiles, titles, captions or [""] * len(rows), legend, lettering)


def _factor(owner: str, rows: Sequence[Sequence[NDArray[np.uint8]]], scale: int | None) -> int:
    if scale is None:
        largest = max(max(row[0].shape[:2]) for row in rows)
        return max(1, int(_PICTURE_SIZE // largest))
    return arguments.whole(owner, "scale", scale)


def _draw(
    tiles: list[list[NDArray[np.uint8]]],
    titles: Sequence[str],
    captions: Sequence[str],
    legend: list[tuple[str, tuple[int, ...]]],
    lettering: Lettering,
) -> NDArray[np.uint8]:
    # imported here: Pillow costs 30 ms, and only a drawing needs it
    from PIL import Image, ImageDraw

    # the layout: widths, then lines of the legend, which need the width, then the height
    title_width = max(map(lettering.width, titles))
    column = max(title_width, *(tile.shape[1] for row in tiles for tile in row)) + _GAP
    entries = [_LINE + lettering.width(name) + _GAP for name, _ in legend]
    # a long name of a class or an image widens the sheet
    width = max(_GAP + column * len(titles), _GAP + max(entries, default=0))
    width = max(width, 2 * _GAP + max(map(lettering.width, captions)))
    lines = _wrap(entries, width - _GAP)
    caption_height = _LINE * any(captions)
    heights = [caption_height + max(tile.shape[0] for tile in row) + _GAP for row in tiles]
    height = _GAP + _LINE + sum(heights) + _LINE * len(lines) + _GAP

    # the drawing, from top to bottom: titles, rows of pictures, legend
    sheet = Image.new("RGB", (width, height), _PAPER)
    drawing = ImageDraw.Draw(sheet)
    for number, title in enumerate(titles):
        lettering.draw(drawing, _GAP + number * column, _GAP, title, _INK)
    top = _GAP + _LINE
    for row, caption, row_height in zip(tiles, captions, heights, strict=True):
        lettering.draw(drawing, _GAP, top, caption, _INK)
        for number, tile in enumerate(row):
            sheet.paste(Image.fromarray(tile), (_GAP + number * column, top + caption_height))
        top += row_height
    for line in lines:
        left = _GAP
        for number in line:
            name, color = legend[number]
            drawing.rectangle((left, top, left + _TEXT, top + _TEXT), fill=color, outline=_INK)
            lettering.draw(drawing, left + _LINE - 4, top - 2, name, _INK)
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
