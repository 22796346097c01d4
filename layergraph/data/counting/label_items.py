"""The labels in the items of any store, for counting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.class_indices import check_indices
from layergraph.data.datastore import CombinedDatastore, Datastore, SubsetDatastore
from layergraph.data.label_array import LabelArray, class_names_of
from layergraph.data.pixel_label_datastore import PixelLabelDatastore
from layergraph.data.processes import in_processes
from layergraph.data.randomness import item_generator, item_randomness
from layergraph.data.threads import in_threads
from layergraph.errors import DataError, WrongTypeError
from layergraph.labels import UNLABELED
from layergraph.wording import quoted


class LabelItems:
    """The pixels of each class in each item of a store, and the names of the classes.

    Of a combined store only the part with labels is read. ``caller`` is the name of the calling function in
    errors.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import triangle_images
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=3)
    ...     items = LabelItems(images.combine(labels), "count_each_label")
    ...     [int(counts.sum()) for counts in items.pixel_counts("Counting labels")], items.classes
    ([1024, 1024, 1024], ('triangle', 'background'))
    """

    def __init__(self, store: Datastore[Any], caller: str) -> None:
        if not isinstance(store, Datastore):
            raise WrongTypeError(f"{caller}: store must be a datastore, got {type(store).__name__}")
        self._store = _label_part(store, caller)
        self._caller = caller
        self._classes = self._store.classes

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names: those of the store, or else those of the first labels read."""
        if self._classes is None:
            raise DataError(f"{self._caller}: store must know its classes, got no items and no class names")
        return self._classes

    def pixel_counts(self, text: str, num_workers: int = 0) -> Iterator[NDArray[np.int64]]:
        """Yield the pixels of each class index (256) in each item in order, with a progress bar.

        Label files are read in threads. A function of the user need not allow that, so the items of all other
        stores are read one after another or by ``num_workers`` processes; their random numbers depend on
        NumPy's global state and on the item, not on the workers.
        """
        count = len(self._store)
        if _is_files_alone(self._store):
            yield from in_threads(lambda index: _counts(self._store.read_item(index)), count, text)
            return
        counts_of = partial(self._counts_of, int(item_generator().integers(2**63)))
        yield from in_processes(counts_of, count, text, num_workers, self._caller)

    def _counts_of(self, seed: int, index: int) -> NDArray[np.int64]:
        with item_randomness(seed, 0, index):
            item = self._store.read_item(index)
        return _counts(self._labels(index, item))

    def _labels(self, index: int, item: Any) -> NDArray[Any]:
        """The labels in one item: the item, or the one part of a tuple that holds labels."""
        parts = item if isinstance(item, (tuple, list)) else (item,)
        found = [part for part in parts if isinstance(part, LabelArray)]
        # labels after an image may be plain class indices, as NumPy's functions return them
        if not found and self._classes is not None:
            found = [part for part in parts[-1:] if _is_indices(part, parts[:-1])]
        names = class_names_of(found[0]) if found else None
        self._classes = self._classes or names
        if len(found) != 1 or self._classes is None:
            raise WrongTypeError(
                f"{self._caller}: each item must be or hold one LabelArray, or class indices after the image "
                f"in a store with classes, got {_kinds(parts)} in item {index} of "
                f"{type(self._store).__name__}; LabelArray(labels, classes) names the classes"
            )
        labels: NDArray[Any] = found[0]
        if names is not None and names != self._classes:
            raise DataError(
                f"{self._caller}: all labels must have the classes {quoted(self._classes)}, got "
                f"{quoted(names)} in item {index}; count each by itself"
            )
        check_indices(np.asarray(labels), len(self._classes), f"{self._caller}: the labels of item {index}")
        return labels


def _counts(labels: NDArray[Any]) -> NDArray[np.int64]:
    # of all 8-bit indices, since the classes of some stores are known only after an item is read
    return np.bincount(np.asarray(labels).ravel(), minlength=UNLABELED + 1)


def _label_part(store: Datastore[Any], caller: str) -> Datastore[Any]:
    """The part of a combined store that has labels; any other store as it is."""
    if not isinstance(store, CombinedDatastore):
        return store
    parts = [part for part in store.stores if part.classes is not None]
    if len(parts) > 1:
        raise DataError(
            f"{caller}: store must hold one store of labels, got {len(parts)}; count each by itself"
        )
    if not parts:
        kinds = ", ".join(type(part).__name__ for part in store.stores)
        raise WrongTypeError(
            f"{caller}: a part of the combined store must have labels with class names, got {kinds}"
        )
    return parts[0]


def _is_files_alone(store: Datastore[Any]) -> bool:
    """Whether reading calls no function of the user."""
    while type(store) is SubsetDatastore:
        store = store.store
    return type(store) is PixelLabelDatastore


def _is_indices(part: Any, before: Sequence[Any]) -> bool:
    """Whether a plain array may be labels: alone, or after an image with one dimension more, its channels."""
    if not isinstance(part, np.ndarray) or part.dtype.kind not in "ui" or len(before) > 1:
        return False
    return part.ndim in (2, 3) and all(np.ndim(image) == part.ndim + 1 for image in before)


def _kinds(parts: Sequence[Any]) -> str:
    return " and ".join(
        f"an array of {part.dtype}" if isinstance(part, np.ndarray) else type(part).__name__ for part in parts
    )
