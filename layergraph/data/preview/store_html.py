"""A datastore in a notebook: what it is, its classes, and pictures of its first items."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from layergraph.data.class_colors import distinct_colors
from layergraph.data.label_array import LabelArray
from layergraph.data.preview.quiet import quiet_reading
from layergraph.data.preview.thumbnail import SIDE, thumbnail
from layergraph.data.reader import Reader
from layergraph.wording import counted, times, unquoted

_ITEMS = 4
_PARTS = 4  # of an item
_CLASSES = 24
_LONGEST = 40  # characters of a name
_LONGEST_TITLE = _LONGEST_FAULT = 300
_CELL = "vertical-align:top;text-align:left;padding:4px 8px;max-width:14em;overflow-wrap:anywhere"


def store_html(store: Reader[Any]) -> str:
    """The view of a store. It reads at most four items, and an item that cannot be read shows its error.

    >>> from layergraph.data import ArrayDatastore
    >>> store = ArrayDatastore(np.zeros((10, 4, 6), np.uint8), classes=["<sky>"])
    >>> html = store_html(store)
    >>> "<b>ArrayDatastore</b>, 10 items" in html, "&lt;sky&gt;" in html, html.count("<img")
    (True, True, 4)
    """
    classes = getattr(store, "classes", None)
    names = () if classes is None else tuple(map(str, classes))
    # one block for all: with the same random numbers, all random patches of an image would be equal
    with quiet_reading():
        cells = [_item_cell(store, index, names) for index in range(min(len(store), _ITEMS))]
    row = f"<table><tr>{''.join(cells)}</tr></table>" if cells else ""
    head = f"<b>{_text(_title(store), _LONGEST_TITLE)}</b>, {counted(len(store), 'item')}"
    return f"<div>{head}{_legend(names)}{row}</div>"


def _title(store: Reader[Any]) -> str:
    """The type of a store, with those of its parts."""
    parts = getattr(store, "stores", None)
    if not isinstance(parts, tuple):
        # of a subset, a transform or a cache, what it is made of
        inner = getattr(store, "store", None)
        parts = (inner,) if isinstance(inner, Reader) else ()
    of = f" of {' and '.join(map(_title, parts))}" if parts else ""
    return type(store).__name__ + of


def _legend(names: Sequence[str]) -> str:
    if not names:
        return ""
    colors = distinct_colors(min(len(names), _CLASSES))
    entries = [
        f'<span style="color:rgb({r},{g},{b})">&#9632;</span>&nbsp;{_text(name)}'
        for name, (r, g, b) in zip(names, colors.tolist(), strict=False)
    ]
    more = f" and {len(names) - _CLASSES} more" if len(names) > _CLASSES else ""
    return f"<br>{', '.join(entries)}{more}"


def _item_cell(store: Reader[Any], index: int, names: Sequence[str]) -> str:
    """The pictures and sizes of an item under its name, or what is wrong with it."""
    caption = str(index)
    try:
        if store.files is not None:
            caption = Path(store.files[index]).name
        if store.labels is not None:
            caption += f": {store.labels[index]}"
        item = store.read_item(index)
        parts = item if isinstance(item, (tuple, list)) else (item,)
        shown = [_part_html(parts, at, names) for at in range(min(len(parts), _PARTS))]
        content = "<br>".join(shown) + " ..." * (len(parts) > _PARTS)
    # any error: a view that fails hides the whole store, of which this item may be the only fault
    except Exception as error:
        fault = unquoted(f"{type(error).__name__}: {error}", _LONGEST_FAULT)
        content = f'<span style="color:#c5221f">{escape(fault)}</span>'
    return f'<td style="{_CELL}"><small>{_text(caption)}</small><br>{content}</td>'


def _part_html(parts: Sequence[Any], at: int, names: Sequence[str]) -> str:
    part = parts[at]
    if isinstance(part, (bool, int, float, str, np.generic)):
        is_class = isinstance(part, (int, np.integer)) and 0 <= part < len(names)
        return _text(names[int(part)] if is_class else str(part))
    array = np.asarray(part) if hasattr(part, "__array__") else None
    if array is None:
        return _text(type(part).__name__)
    # class indices after an image have no channels
    follows = at > 0 and bool(names) and array.ndim == np.ndim(parts[0]) - 1
    is_label = isinstance(part, LabelArray) or (follows and array.dtype.kind in "ui")
    size = _text(f"{times(array.shape)} {array.dtype}")
    try:
        address = thumbnail(array, is_label=is_label)
    except ValueError:  # an array, but no image
        return f"<small>{size}</small>"
    style = f"width:{SIDE}px;image-rendering:pixelated;margin:0"
    if array.shape[0] > array.shape[1]:
        style = style.replace("width", "height")
    return f'<img src="{address}" style="{style}" alt=""><br><small>{size}</small>'


def _text(text: str, longest: int = _LONGEST) -> str:
    return escape(unquoted(text, longest))
