"""Sequences of items that are read on access, and their parts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Generic, Self, SupportsIndex, TypeVar, overload

import numpy as np

from layergraph.data.positions import part_sizes, position, positions
from layergraph.errors import DataError
from layergraph.layers import arguments
from layergraph.values import Value
from layergraph.wording import counted

# covariant, so that a store of LabelArray is accepted as a store of arrays
Item = TypeVar("Item", covariant=True)


class ItemSequence(Value, ABC, Generic[Item]):
    """Items by position, and the sequences of some of them."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def read_item(self, index: int) -> Item:
        """The item at a position, ``0 <= index < len``."""

    @abstractmethod
    def take(self, indices: tuple[int, ...]) -> Self:
        """The items at these positions, ``0 <= index < len``, in this order.

        All subsets, partitions and shuffles come from this method.
        """

    @overload
    def __getitem__(self, index: SupportsIndex) -> Item: ...
    @overload
    def __getitem__(self, index: slice | Iterable[SupportsIndex]) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice | Iterable[SupportsIndex]) -> Item | Self:
        # arrays and tensors without axes are single positions, although they are instances of Iterable
        if isinstance(index, slice) or (isinstance(index, Iterable) and getattr(index, "ndim", 1) > 0):
            return self.subset(index)
        return self.read_item(position(index, len(self), type(self).__name__))

    def __iter__(self) -> Iterator[Item]:
        # Python would take items until an IndexError, and one from a transform would end the loop silently
        return (self.read_item(index) for index in range(len(self)))

    def subset(self, indices: slice | Iterable[SupportsIndex]) -> Self:
        """The items at these 0-based positions, in this order; negative ones count from the end.

        ``indices`` may also be a mask, with one boolean per item. Raises ``IndexError`` for a position out
        of range, ``WrongTypeError`` for one that is not a whole number, ``DataError`` for a mask of another
        length.
        """
        return self.take(positions(indices, len(self), type(self).__name__))

    def partition(self, num_parts: int, index: int) -> Self:
        """Part ``index`` (from 0) of ``num_parts`` contiguous parts of nearly equal size.

        The parts together hold every item once. Raises ``DataError`` for numbers out of range.
        """
        if num_parts < 1 or not 0 <= index < num_parts:
            raise DataError(
                f"partition: num_parts must be at least 1 and index from 0 to num_parts - 1, "
                f"got num_parts={num_parts} and index={index}"
            )
        # the end of each part is computed as the start of the next: no item is lost or in two parts
        return self[len(self) * index // num_parts : len(self) * (index + 1) // num_parts]

    def numpartitions(self, num_workers: int | None = None) -> int:
        """The largest useful number of parts of :meth:`partition`: MATLAB's ``numpartitions``.

        It is the number of items, since an item is never divided; for a number of worker processes at most
        three parts for each, so that one that is done early gets another. Raises ``ArgumentError`` for
        fewer than one worker.

        >>> from layergraph.data import ArrayDatastore
        >>> store = ArrayDatastore(np.zeros((10, 4, 4)))
        >>> store.numpartitions(), store.numpartitions(2)
        (10, 6)
        """
        if num_workers is None:
            return len(self)
        return min(len(self), 3 * arguments.whole("numpartitions", "num_workers", num_workers))

    def split(self, *parts: float, seed: int = 0) -> tuple[Self, ...]:
        """One store per part, and one of the remaining items; drawn at random, every item once.

        ``parts`` are fractions, such as 0.6, 0.2 and 0.2, or numbers of items. As in the CamVid example of
        MATLAB, each fraction of the items is rounded, and the last part takes what remains; the same seed
        draws the same parts. Raises ``DataError`` for parts of more than all items or without any.

        >>> from tempfile import TemporaryDirectory
        >>> from layergraph.data import triangle_images
        >>> with TemporaryDirectory() as folder:
        ...     images, labels = triangle_images(folder, n=10)
        >>> train, test = images.combine(labels).split(0.6, 0.4, seed=1)
        >>> len(train), len(test), [len(part) for part in images.split(5)]
        (6, 4, [5, 5])
        """
        sizes = part_sizes(len(self), parts, "split")
        if parts[0] >= 1 and not sizes[-1]:
            sizes.pop()  # the numbers of items are all of them
        if not all(sizes):
            raise DataError(
                f"split: each part must get an item, got {' + '.join(map(str, sizes))} of "
                f"{counted(len(self), 'item')}; give other parts, or a larger store"
            )
        shuffled, ends = self.shuffle(seed), np.cumsum(sizes).tolist()
        return tuple(shuffled[end - size : end] for size, end in zip(sizes, ends, strict=True))

    def shuffle(self, seed: int | None = None) -> Self:
        """The same items in random order: a fixed order per seed, or a new order per call without a seed.

        Raises ``DataError`` for a negative seed.
        """
        if seed is not None and seed < 0:
            raise DataError(f"shuffle: seed must be 0 or more, got {seed}")
        # a separate generator: np.random.permutation would read and change the global random state
        return self.take(tuple(np.random.default_rng(seed).permutation(len(self)).tolist()))
