"""A picture of items beside what an augmentation makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.augmentation.parts import Parts
from layergraph.data.class_indices import check_indices, class_indices, mask_error
from layergraph.data.datastore import Datastore
from layergraph.data.label_array import class_names_of
from layergraph.data.label_ids import class_names
from layergraph.data.randomness import item_randomness
from layergraph.errors import DataError, WrongTypeError
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.segmentation.pictures.colors import class_colors
from layergraph.segmentation.pictures.overlay import labeloverlay
from layergraph.segmentation.pictures.picture_rows import draw_rows
from layergraph.segmentation.pictures.rgb_image import rgb_bytes


def augmentation_sheet(
    items: Datastore[Any] | list[Any] | tuple[Any, ...] | NDArray[Any],
    transform: Callable[[Any], Any],
    *,
    versions: int = 3,
    seed: int = 0,
    classes: Sequence[str] | None = None,
    colormap: ArrayLike | None = None,
    transparency: float = 0.4,
    scale: int | None = None,
) -> NDArray[np.uint8]:
    """Draw a sheet with one row per item: the original, then ``versions`` of it by ``transform``.

    ``items`` is a datastore such as ``pairs[:3]``, a list of items, or one item: a pair (image, labels), as
    :func:`labeloverlay` takes them, or an image alone. Labels are drawn over their image; a legend shows
    ``classes``, by default those of the items, or else the numbers of the labels. Version v of item i has the
    random numbers of ``item_randomness(seed, v - 1, i)``, so that the versions are those of the first epochs
    of a training with this seed on ``items.transform(transform)``. Values of versions below 0 or above 1, in
    images of floats, are drawn as 0 and 1. ``scale`` is as in :func:`overlay_sheet`.

    Returns a uint8 RGB array (height, width, 3). Raises DataError for no items and for labels that do not fit
    their image, WrongTypeError for a transform that is no function and for items that are no arrays,
    ArgumentError for numbers out of range, and the errors of :func:`labeloverlay`.

    >>> from layergraph.data import ImageDataAugmenter
    >>> pair = np.zeros((32, 32)), np.eye(32, dtype=np.uint8)
    >>> augmenter = ImageDataAugmenter(rand_rotation=(-20, 20))
    >>> augmentation_sheet(pair, augmenter, classes=["background", "line"]).shape[2]
    3
    """
    call = "augmentation_sheet"
    if isinstance(items, (tuple, np.ndarray)):
        items = [items]
    if not isinstance(items, (Datastore, list)):
        raise WrongTypeError(
            f"{call}: items must be a datastore, a list or one item, got {type(items).__name__}"
        )
    if not callable(transform):
        raise WrongTypeError(
            f"{call}: transform must be a function of an item, got {type(transform).__name__}"
        )
    if not len(items):
        raise DataError(f"{call}: items must hold one item or more, got none")
    versions = arguments.whole(call, "versions", versions)

    rows = []
    for index in range(len(items)):
        with item_randomness(seed, 0, index):
            row = [Parts(f"{call}: items[{index}]", items[index])]
        for version in range(versions):
            with item_randomness(seed, version, index):
                # a copy, since a transform may write into the arrays of a list
                changed = transform(deepcopy(items[index]))
            row.append(Parts(f"{call}: version {version + 1} of items[{index}]", _within_range(changed)))
        rows.append(row)

    names = _names(items, [row[0] for row in rows], classes)
    colors = class_colors(colormap, len(names), f"{call}: colormap")

    pictures = [[_picture(parts, names, colors, transparency) for parts in row] for row in rows]
    titles = ["original", *(f"version {version + 1}" for version in range(versions))]
    return draw_rows(call, pictures, titles, names, colors, scale)


def _names(items: object, originals: list[Parts], classes: Sequence[str] | None) -> tuple[str, ...]:
    """The classes of the legend: those given, those that the store or the labels know, or numbers."""
    if classes is not None:
        return class_names(classes, "augmentation_sheet: classes")
    highest = -1
    for parts in originals:
        if parts.labels is None:
            continue
        known = class_names_of(items) or class_names_of(parts.labels)
        if known is not None:
            return known
        labels = class_indices(parts.labels, parts.owner)
        shown = labels[labels != UNLABELED]
        # plain labels of 0 and 255 alone are a mask, whose 255 would look unlabeled
        if shown.size < labels.size and not shown.any():
            raise mask_error(f"{parts.owner}: labels")
        highest = max(highest, int(shown.max(initial=0)))
    return tuple(map(str, range(highest + 1)))


def _picture(
    parts: Parts, names: tuple[str, ...], colors: NDArray[np.uint8], transparency: float
) -> NDArray[np.uint8]:
    picture = rgb_bytes(parts.arrays[0], f"{parts.owner}: image")
    if parts.labels is None:
        return picture
    check_indices(parts.labels, len(names), f"{parts.owner}: labels")
    return labeloverlay(picture, parts.labels, colormap=colors, transparency=transparency, classes=names)


def _within_range(item: Any) -> Any:
    """A version with its floats limited to 0 .. 1, as a screen shows them: noise and rounding exceed them."""
    image = item[0] if isinstance(item, (tuple, list)) and item else item
    if not isinstance(image, np.ndarray) or image.dtype.kind != "f":
        return item
    image = image.clip(0, 1)
    return (image, *item[1:]) if isinstance(item, (tuple, list)) else image
