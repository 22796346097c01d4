"""Labels in a notebook: a picture in the colors of the classes, and the classes that occur."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from layergraph.data.class_colors import distinct_colors
from layergraph.data.preview.thumbnail import thumbnail
from layergraph.labels import UNLABELED
from layergraph.wording import times, unquoted

_SIDE = 320  # pixels of the longer side of a picture
_PICTURES = 4  # of a stack or volume
_CLASSES = 24  # in the legend
_LONGEST = 40  # characters of a name


def labels_html(labels: NDArray[np.uint8], names: Sequence[str] | None) -> str | None:
    """The view of labels (H, W), or of slices along the first axis of a stack or volume; else None.

    >>> html = labels_html(np.zeros((4, 6), np.uint8), ["<sky>"])
    >>> html.count("<img"), "&lt;sky&gt; 100%" in html
    (1, True)
    """
    if labels.ndim not in (2, 3) or not labels.size or labels.dtype != np.uint8:
        return None
    if labels.ndim == 2:
        pictures = _picture(labels, _SIDE)
    else:
        count = min(len(labels), _PICTURES)
        shown = np.linspace(0, len(labels) - 1, count).astype(int).tolist()
        side = _SIDE if count == 1 else _SIDE // 2
        cells = (f"{_picture(labels[at], side)}<br><small>[{at}]</small>" for at in shown)
        style = "display:inline-block;margin:0 8px 4px 0"
        pictures = "".join(f'<div style="{style}">{cell}</div>' for cell in cells)
    head = f"<b>LabelArray</b> {times(labels.shape)}"
    return f"<div><div>{head}</div><div>{pictures}</div><div>{_legend(labels, names)}</div></div>"


def _picture(labels: NDArray[np.uint8], side: int) -> str:
    address = thumbnail(labels, is_label=True, side=side)
    # a border, since pixels without a class are transparent
    style = "max-width:100%;image-rendering:pixelated;margin:0;border:1px solid #8888"
    dimension = "height" if labels.shape[0] > labels.shape[1] else "width"
    return f'<img src="{address}" style="{dimension}:{side}px;{style}" alt="">'


def _legend(labels: NDArray[np.uint8], names: Sequence[str] | None) -> str:
    """The classes that occur with their shares, the largest first."""
    counts = np.bincount(labels.ravel(), minlength=UNLABELED + 1)
    found = [int(index) for index in np.argsort(-counts, kind="stable") if counts[index]]
    colors = distinct_colors(UNLABELED).tolist()
    entries = []
    for index in found[:_CLASSES]:
        name, color = "unlabeled", "transparent"
        if index != UNLABELED:
            name = names[index] if names is not None and index < len(names) else str(index)
            color = f"rgb({','.join(map(str, colors[index]))})"
        square = f'<span style="color:{color};border:1px solid #8884">&#9632;</span>'
        share = f"{100 * counts[index] / labels.size:.3g}%"
        entries.append(
            f'<span style="white-space:nowrap">{square} {escape(unquoted(name, _LONGEST))} {share}</span>'
        )
    more = f" and {len(found) - _CLASSES} more" if len(found) > _CLASSES else ""
    return f"{' &nbsp; '.join(entries)}{more}"
