"""Which items make up each mini-batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import torch
from torch.utils.data import Sampler

from layergraph.training.options import Shuffle

_REMEMBERED = 8  # mini-batches; a DataLoader asks for a few ahead


class MiniBatches(Sampler[list[int]]):
    """The item indices of the mini-batches of one epoch after the other, for a ``DataLoader``.

    All are of ``size``; a smaller set is one mini-batch. Items that are left over at the end of an epoch
    are not used in it, with ``"once"`` and ``"never"`` the same ones in each (as in MATLAB).

    >>> [*MiniBatches(5, 2, "never")], [*MiniBatches(3, 8, "never")]
    ([[0, 1], [2, 3]], [[0, 1, 2]])
    """

    def __init__(self, count: int, size: int, shuffle: Shuffle, seed: int | None = None) -> None:
        self._size = min(size, count)
        self._shuffle = shuffle
        self._given = 0
        self._last: deque[list[int]] = deque(maxlen=_REMEMBERED)
        # of its own, so that the order does not depend on how many numbers the network drew
        self._generator = torch.Generator()
        self._generator.manual_seed(int(torch.randint(2**32, ())) if seed is None else seed)
        self._order = torch.arange(count)
        if shuffle == "once":
            self._order = self._permuted()

    def __len__(self) -> int:
        return len(self._order) // self._size

    def __iter__(self) -> Iterator[list[int]]:
        order = self._permuted() if self._shuffle == "every-epoch" else self._order
        for index in range(len(self)):
            batch = order[index * self._size : (index + 1) * self._size].tolist()
            self._given += 1
            self._last.append(batch)
            yield batch

    @property
    def size(self) -> int:
        """Items in each mini-batch."""
        return self._size

    def of_iteration(self, iteration: int) -> list[int]:
        """The items of one of the last mini-batches that were given, counted from 1 over all epochs."""
        return self._last[iteration - self._given - 1]

    def _permuted(self) -> torch.Tensor:
        return torch.randperm(len(self._order), generator=self._generator)


def even_batches(count: int, size: int) -> list[list[int]]:
    """All items, in as few batches of at most ``size`` as there can be, of nearly equal sizes.

    >>> even_batches(5, 4)
    [[0, 1, 2], [3, 4]]
    """
    batches = torch.arange(count).tensor_split(-(-count // size))
    return [batch.tolist() for batch in batches]
