"""The items of a store with random repetitions, which differ in each epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layergraph.data.datastore import Datastore, DerivedDatastore
from layergraph.data.item_sequence import Item
from layergraph.data.randomness import item_generator
from layergraph.data.reader import Info, ItemInfo
from layergraph.wording import visible


class OversampledDatastore(DerivedDatastore[Item]):
    """Each item as often as the whole part of its factor says, and more repetitions, drawn at each read.

    The drawn ones are as many as the fractions of the factors in sum, rounded up. Which item one is depends
    on ``item_generator()``, so in a training on seed, epoch and position: an item with the factor 2.3 comes
    two times, and in about 3 of 10 epochs three times. It has no file and no information before it is read.

    >>> from layergraph.data import ArrayDatastore
    >>> items = OversampledDatastore(ArrayDatastore(np.arange(3)), np.array([1, 2.5, 1.5]))
    >>> len(items), [int(items[index]) for index in range(4)], items[4] in (1, 2)
    (5, [0, 1, 1, 2], True)
    """

    def __init__(self, store: Datastore[Item], factors: NDArray[np.float64]) -> None:
        super().__init__(store)
        repeats = np.floor(factors).astype(int)
        self._fixed: list[int] = np.repeat(np.arange(len(factors)), repeats).tolist()
        # rounded: the fractions of ten times 1.1 sum up to more than 1
        ends = np.cumsum(factors - repeats).round(9)
        number = int(np.ceil(ends[-1])) if len(ends) else 0
        if number:
            # each repetition has its own part of the sum; the last end is open, since sums are rounded
            ends = np.where(ends == ends[-1], np.inf, ends * (number / ends[-1]))
        self._ends, self._number = ends, number

    @property
    def files(self) -> tuple[Path, ...] | None:
        return None

    def info(self, index: int) -> Info:
        if index < len(self._fixed):
            return self._store.info(self._fixed[index])
        example = self._store.info(0)
        return tuple(ItemInfo() for _ in example) if isinstance(example, tuple) else ItemInfo()

    def __len__(self) -> int:
        return len(self._fixed) + self._number

    def read_item(self, index: int) -> Item:
        drawn = self._drawn(index)
        try:
            item: Item = self._store.read_item(drawn)
        except Exception as error:
            file = f" (file '{visible(str(self._store.files[drawn]))}')" if self._store.files else ""
            error.add_note(f"item {index} of the oversampled store is item {drawn} of its store{file}")
            raise
        return item

    def _drawn(self, index: int) -> int:
        """The position in the other store."""
        if index < len(self._fixed):
            return self._fixed[index]
        place = index - len(self._fixed) + float(item_generator().random())
        return int(np.searchsorted(self._ends, place, side="right"))
