"""Pixel counts per class."""

from __future__ import annotations

from typing import Any

import numpy as np

from layergraph.data.counting.label_items import LabelItems
from layergraph.data.datastore import Datastore
from layergraph.labels import UNLABELED
from layergraph.layers.arguments import whole
from layergraph.tables import Table


def count_each_label(store: Datastore[Any], *, num_workers: int = 0) -> Table:
    """Count the pixels of each class, or the images of each label: MATLAB's ``countEachLabel``.

    Args:
        store: a ``PixelLabelDatastore``; a combined store, of which only the part with labels is read; or any
            other store whose items are labels or tuples with labels, such as a transformed one. Labels are a
            ``LabelArray``, or class indices after the image in a store with ``classes``. Of an
            ``ImageDatastore`` with a label per image, the images are counted.
        num_workers: processes that read the items of a transformed store, or of one of your own; 0 reads them
            one after another. Label files are always read in one thread per processor.

    Returns:
        A table with one row per class: ``name``; ``pixel_count``, the pixels of the class in all images;
        ``image_pixel_count``, all pixels, labeled or not, of the images that contain the class. For a label
        per image the columns are ``label`` and ``count``.

    Every item is read once, with a progress bar if stderr is a terminal. A random transform is counted as it
    comes in this pass; ``np.random.seed`` makes it repeatable, with any number of workers.

    Raises:
        WrongTypeError: the store or an item has no labels.
        ArgumentError: ``num_workers`` is no whole number of at least 0.
        DataError: there are several stores of labels, labels without class names or of different classes, or
            an unreadable file.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import triangle_images
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=10)
    ...     print(count_each_label(labels))
    name          pixel_count    image_pixel_count
    ----------  -------------  -------------------
    triangle              551                10240
    background           9689                10240
    """
    of_images = getattr(store, "labels", None)
    if of_images is not None:
        return _count_images(of_images)
    num_workers = whole("count_each_label", "num_workers", num_workers, 0)
    items = LabelItems(store, "count_each_label")
    pixels, image_pixels = np.zeros(UNLABELED + 1, np.int64), np.zeros(UNLABELED + 1, np.int64)
    for counts in items.pixel_counts("Counting labels", num_workers):
        pixels += counts
        image_pixels += counts.sum() * (counts > 0)
    # the cut leaves out unlabeled pixels, which are 255
    number = len(items.classes)
    return Table(
        {"name": items.classes, "pixel_count": pixels[:number], "image_pixel_count": image_pixels[:number]}
    )


def _count_images(labels: Any) -> Table:
    names, counts = np.unique(np.array(labels, dtype=object).astype(str), return_counts=True)
    return Table({"label": names.tolist(), "count": counts})
