"""The items of each mini-batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import torch
from torch.utils.data import Sampler

from layergraph.training.options import Shuffle

_HISTORY = 64  # mini-batches; a DataLoader takes a few in advance


class MiniBatches(Sampler[list[int]]):
    """The item indices of each mini-batch, epoch by epoch, for a ``DataLoader``.

    All mini-batches have ``size`` items; a smaller set is one mini-batch. An epoch omits the items that
    remain at its end: with ``"once"`` and ``"never"`` the same ones in each epoch (as in MATLAB). An epoch
    has a multiple of ``group`` mini-batches; where there are fewer, all of them are one group.

    >>> [*MiniBatches(5, 2, "never")], [*MiniBatches(3, 8, "never")]
    ([[0, 1], [2, 3]], [[0, 1, 2]])
    """

    def __init__(
        self, count: int, size: int, shuffle: Shuffle, seed: int | None = None, *, group: int = 1
    ) -> None:
        self._size = min(size, count)
        self._group = min(group, count // self._size)
        self._shuffle = shuffle
        self._count = 0
        self._last: deque[list[int]] = deque(maxlen=_HISTORY)
        # a separate generator, so that the order does not depend on the random numbers that the network takes
        self._generator = torch.Generator()
        # without a seed, from torch's global generator: torch.manual_seed fixes the order, too
        self._generator.manual_seed(int(torch.randint(2**32, ())) if seed is None else seed)
        self._order = torch.arange(count)
        if shuffle == "once":
            self._order = self._permute()

    def __len__(self) -> int:
        return len(self._order) // (self._size * self._group) * self._group

    def __iter__(self) -> Iterator[list[int]]:
        order = self._permute() if self._shuffle == "every-epoch" else self._order
        # a remainder would be a mini-batch of noisier gradients, and of other batch statistics
        for index in range(len(self)):
            batch = order[index * self._size : (index + 1) * self._size].tolist()
            # before the mini-batch is given away: code after a yield runs only at the next request
            self._count += 1
            self._last.append(batch)
            yield batch

    @property
    def size(self) -> int:
        """Items in each mini-batch."""
        return self._size

    @property
    def group(self) -> int:
        """Mini-batches in each iteration."""
        return self._group

    def batch(self, iteration: int) -> list[int]:
        """The items of one of the last mini-batches, by its number from 1 over all epochs."""
        return self._last[iteration - self._count - 1]

    def _permute(self) -> torch.Tensor:
        return torch.randperm(len(self._order), generator=self._generator)


def even_batches(count: int, size: int) -> list[list[int]]:
    """All items in the smallest number of batches of at most ``size``, with nearly equal sizes.

    >>> even_batches(5, 4)
    [[0, 1, 2], [3, 4]]
    """
    batches = torch.arange(count).tensor_split(-(-count // size))
    return [batch.tolist() for batch in batches]
