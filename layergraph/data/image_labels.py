"""Images with a class each: pairs for training, and parts of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from layergraph.data.datastore import DerivedDatastore
from layergraph.data.image_datastore import ImageDatastore
from layergraph.data.positions import part_sizes
from layergraph.errors import DataError
from layergraph.layers import arguments
from layergraph.wording import quoted


class LabeledImageDatastore(DerivedDatastore[tuple[NDArray[Any], int]]):
    """Pairs (image, class index) of an image datastore with labels, as training takes them.

    ``classes`` are the names by index, by default those of the labels in alphabetical order. Raises
    ``DataError`` for a store without labels, or a label that is not among the classes.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import write_image
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("1", "2"):
    ...         write_image(Path(folder, name + ".png"), [[0]])
    ...     pairs = LabeledImageDatastore(ImageDatastore(folder, labels=["dog", "cat"]))
    ...     pairs.classes, [index for image, index in pairs]
    (('cat', 'dog'), [1, 0])
    """

    def __init__(self, images: ImageDatastore, classes: Sequence[str] | None = None) -> None:
        labels = images.labels
        if labels is None:
            raise DataError(
                "LabeledImageDatastore: images must have labels, got none; give labels or "
                "label_source='foldernames'"
            )
        super().__init__(images)
        self._classes = tuple(sorted(set(labels)) if classes is None else map(str, classes))
        if unknown := sorted(set(labels) - set(self._classes)):
            raise DataError(
                f"LabeledImageDatastore: classes must hold all labels, got none for {quoted(unknown[0])}"
            )
        self._images = images
        self._indices = tuple(map(self._classes.index, labels))

    @property
    def classes(self) -> tuple[str, ...]:
        return self._classes

    @property
    def labels(self) -> tuple[str, ...] | None:
        return self._images.labels

    def read_item(self, index: int) -> tuple[NDArray[Any], int]:
        return self._images.read_item(index), self._indices[index]

    def take(self, indices: tuple[int, ...]) -> Self:
        # with the classes of the whole store: a part without a class keeps the indices
        return type(self)(self._images.take(indices), self._classes)


def split_each_label(
    images: ImageDatastore, *parts: float, randomized: bool | str = False, seed: int = 0
) -> tuple[ImageDatastore, ...]:
    """Parts of the images of each label: MATLAB's ``splitEachLabel``.

    ``parts`` are fractions of the images of each label, or numbers of images per label. A further store
    holds what remains, unless fractions sum to 1. The first images of each label are taken, or with
    ``randomized=True`` (or ``"randomized"``) images drawn by ``seed``. Raises ``DataError`` for a store
    without labels, or parts of more images than a label has.

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import write_image
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("cat1", "cat2", "dog1", "dog2"):
    ...         write_image(Path(folder, name + ".png"), [[0]])
    ...     images = ImageDatastore(folder, labels=["cat", "cat", "dog", "dog"])
    >>> [part.labels for part in split_each_label(images, 0.5)]
    [('cat', 'dog'), ('cat', 'dog')]
    """
    if not isinstance(images, ImageDatastore) or images.labels is None:
        raise DataError(
            "split_each_label: images must be an ImageDatastore with labels, got none; give labels or "
            "label_source='foldernames'"
        )
    if not isinstance(randomized, str):
        is_random = arguments.flag("split_each_label", "randomized", randomized)
    else:
        is_random = arguments.choice("split_each_label", "randomized", randomized, ("randomized",)) != ""
    generator = np.random.default_rng(arguments.whole("split_each_label", "seed", seed, 0))
    names = np.array(images.labels, dtype=object)
    columns: list[list[int]] = []
    for name in sorted(set(images.labels)):
        indices = np.flatnonzero(names == name)
        if is_random:
            indices = generator.permutation(indices)
        sizes = part_sizes(len(indices), parts, f"split_each_label: label {quoted(name)}")
        pieces = np.split(indices, np.cumsum(sizes)[:-1])
        columns = columns or [[] for _ in pieces]
        for column, piece in zip(columns, pieces, strict=True):
            column.extend(piece.tolist())
    return tuple(images.subset(column) for column in columns)
