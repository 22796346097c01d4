"""Pixel counts per class."""

from __future__ import annotations

from typing import Any

import numpy as np

from layergraph.data.datastore import CombinedDatastore, Datastore
from layergraph.data.pixel_label_datastore import PixelLabelDatastore
from layergraph.errors import DataError, WrongTypeError
from layergraph.progress import with_progress
from layergraph.tables import Table


def count_each_label(store: Datastore[Any]) -> Table:
    """Count the pixels of each class: MATLAB's ``countEachLabel``.

    ``store`` is a ``PixelLabelDatastore``, or a combined store with one among its parts. The table has one
    row per class: ``name``; ``pixel_count``, the pixels of the class in all images; ``image_pixel_count``,
    all pixels, labeled or not, of the images that contain the class. Reads every label file once, with a
    progress bar if stderr is a terminal. Raises ``WrongTypeError`` for a store without pixel labels,
    ``DataError`` for a store with several label stores or for an unreadable file.

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
    labels = _label_store(store)
    number = len(labels.classes)
    pixels, image_pixels = np.zeros(number, np.int64), np.zeros(number, np.int64)
    for indices in with_progress(labels, "Counting labels", len(labels)):
        # the cut leaves out unlabeled pixels, which are 255
        counts = np.bincount(indices.ravel(), minlength=number)[:number]
        pixels += counts
        image_pixels += indices.size * (counts > 0)
    return Table({"name": labels.classes, "pixel_count": pixels, "image_pixel_count": image_pixels})


def _label_store(store: Datastore[Any]) -> PixelLabelDatastore:
    # no look into a transformed store: its function may change, add or remove labels
    parts = store.stores if isinstance(store, CombinedDatastore) else (store,)
    label_stores = [part for part in parts if isinstance(part, PixelLabelDatastore)]
    if not label_stores:
        raise WrongTypeError(
            "count_each_label: store must be a PixelLabelDatastore or a combined store that holds one, got "
            f"{', '.join(type(part).__name__ for part in parts)}; count before a transform"
        )
    if len(label_stores) > 1:
        raise DataError(
            f"count_each_label: store must hold one store of labels, got {len(label_stores)}; "
            "count each by itself"
        )
    return label_stores[0]
