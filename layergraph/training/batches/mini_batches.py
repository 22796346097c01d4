"""The items of each mini-batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Sampler

from layergraph.training.options import Shuffle
from layergraph.training.processes.processes import Processes


class ItemKey(NamedTuple):
    """An item in an epoch, both from 0; its random numbers depend on both."""

    epoch: int
    item: int


class MiniBatches(Sampler[Sequence[ItemKey]]):
    """The items of each mini-batch of an epoch, for a ``DataLoader``.

    All mini-batches have ``size`` items; a smaller set is one mini-batch. An epoch omits the items that
    remain at its end: with ``"once"`` and ``"never"`` the same ones in each epoch (as in MATLAB). The order
    is a function of ``seed`` and the epoch alone, so that a training can continue anywhere. An epoch has a
    multiple of ``group`` mini-batches; where there are fewer, all of them are one group.

    Args:
        count: items in the data.
        size: items per mini-batch.
        shuffle: when to draw a new order.
        seed: decides the orders.
        start: iterations over all epochs that are already trained on; the mini-batches after them come next.
        group: mini-batches in each iteration of the training.
        processes: those that share each mini-batch; the iteration gives the part of this one.

    >>> batches = MiniBatches(5, 2, "never", seed=0, start=3)
    >>> [[key.item for key in batch] for batch in batches]
    [[2, 3]]
    >>> batches.set_epoch(2)
    >>> [[key.item for key in batch] for batch in batches], [*batches][0]
    ([[0, 1], [2, 3]], [ItemKey(epoch=2, item=0), ItemKey(epoch=2, item=1)])
    """

    def __init__(
        self,
        count: int,
        size: int,
        shuffle: Shuffle,
        seed: int,
        *,
        start: int = 0,
        group: int = 1,
        processes: Processes | None = None,
    ) -> None:
        self._count, self._size = count, min(size, count)
        self._processes = processes or Processes()
        self._group = min(group, count // self._size)
        self._epoch, self._start = divmod(start * self._group, len(self))

        # an epoch needs its order once per mini-batch
        @lru_cache(maxsize=2)
        def order(epoch: int) -> list[int]:
            if shuffle == "never":
                return [*range(count)]
            sequence = np.random.SeedSequence(seed, spawn_key=(epoch if shuffle == "every-epoch" else 0,))
            return [int(index) for index in np.random.default_rng(sequence).permutation(count)]

        self._order = order

    def __len__(self) -> int:
        """Mini-batches in a whole epoch."""
        return self._count // (self._size * self._group) * self._group

    def __iter__(self) -> Iterator[Sequence[ItemKey]]:
        # the mini-batches of the epoch at this moment, also if the next one starts meanwhile
        epoch, start = self._epoch, self._start
        for number in range(start, len(self)):
            yield self._processes.part(self.batch(epoch * len(self) + number))

    def set_epoch(self, epoch: int) -> None:
        """Iterate over the whole of this epoch (from 0) next. Lightning calls this before each epoch."""
        # the epoch of the start begins after its first mini-batches
        if epoch != self._epoch:
            self._epoch, self._start = epoch, 0

    @property
    def size(self) -> int:
        """Items in each mini-batch."""
        return self._size

    @property
    def group(self) -> int:
        """Mini-batches in each iteration."""
        return self._group

    def iteration(self, number: int) -> list[ItemKey]:
        """The items of an iteration by its number from 1 over all epochs."""
        first = (number - 1) * self._group
        return [key for part in range(first, first + self._group) for key in self.batch(part)]

    def batch(self, number: int) -> list[ItemKey]:
        """A mini-batch by its number from 0 over all epochs."""
        epoch, position = divmod(number, len(self))
        # a remainder would be a mini-batch of noisier gradients, and of other batch statistics
        indices = self._order(epoch)[position * self._size : (position + 1) * self._size]
        return [ItemKey(epoch, index) for index in indices]


def even_batches(count: int, size: int) -> list[list[int]]:
    """All items in the smallest number of batches of at most ``size``, with nearly equal sizes.

    >>> even_batches(5, 4)
    [[0, 1, 2], [3, 4]]
    """
    batches = torch.arange(count).tensor_split(-(-count // size))
    return [batch.tolist() for batch in batches]
