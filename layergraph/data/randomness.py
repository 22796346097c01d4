"""Random numbers of an item: they depend on seed, epoch and item alone, not on workers or earlier items."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import numpy as np

from layergraph.layers.arguments import whole

_generator: ContextVar[np.random.Generator | None] = ContextVar("item generator", default=None)
# whether a block around keeps the global states; never within an item, whose own states count there
_kept: ContextVar[bool] = ContextVar("kept randomness", default=False)


@contextmanager
def item_randomness(seed: int, epoch: int, index: int) -> Iterator[np.random.Generator]:
    """Make all random numbers within the block a function of ``seed``, ``epoch`` and ``index``.

    Within it, :func:`item_generator` returns the generator of the item, and the global random states of
    Python, NumPy and torch (on the CPU) start from the three numbers, so that any function that augments an
    item returns the same whatever the number of workers, the order of the items, or a resume. At the end
    the global states are as they were. Blocks may be nested. Raises ``ArgumentError`` for a number that is
    not whole or is negative.

    >>> def drawn(epoch):
    ...     with item_randomness(0, epoch, 7):
    ...         return random.random(), np.random.rand(), item_generator().random()
    >>> drawn(1) == drawn(1), drawn(1) == drawn(2)
    (True, False)
    """
    # imported here: reading data needs no torch, and torch costs a second
    import torch

    numbers = [
        whole("item_randomness", name, value, minimum=0)
        for name, value in (("seed", seed), ("epoch", epoch), ("index", index))
    ]
    # a key of its own for epoch and item: in one list of words, a long seed could run into them
    sequence = np.random.SeedSequence(numbers[0], spawn_key=(numbers[1], numbers[2]))
    words = sequence.generate_state(3, np.uint64)
    is_kept = _kept.get()
    tokens = _generator.set(np.random.Generator(np.random.PCG64(sequence))), _kept.set(False)
    try:
        with nullcontext() if is_kept else _same_states():
            random.seed(int(words[0]))
            np.random.seed(int(words[1]) % 2**32)  # the most that the older generators of NumPy take
            # not torch.manual_seed, which also seeds GPUs, where no item is read
            torch.default_generator.manual_seed(int(words[2]))
            yield item_generator()
    finally:
        _generator.reset(tokens[0])
        _kept.reset(tokens[1])


@contextmanager
def kept_randomness() -> Iterator[None]:
    """Keep the global random states for a series of :func:`item_randomness`, which is faster than in each.

    NumPy takes 50 microseconds to save and restore its state.

    >>> np.random.seed(3)
    >>> with kept_randomness():
    ...     for index in range(8):
    ...         with item_randomness(0, 0, index):
    ...             _ = np.random.rand()
    >>> number = np.random.rand()
    >>> np.random.seed(3)
    >>> np.random.rand() == number
    True
    """
    token = _kept.set(True)
    try:
        with _same_states():
            yield
    finally:
        _kept.reset(token)


@contextmanager
def _same_states() -> Iterator[None]:
    before = random_states()
    try:
        yield
    finally:
        set_random_states(before)


def random_states() -> dict[str, Any]:
    """The global random states of Python, NumPy and torch (on the CPU).

    >>> states = random_states()
    >>> first = random.random()
    >>> set_random_states(states)
    >>> random.random() == first
    True
    """
    import torch

    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),
        "torch": torch.default_generator.get_state(),
    }


def set_random_states(states: Mapping[str, Any]) -> None:
    """Set the states that :func:`random_states` returned."""
    import torch

    random.setstate(states["python"])
    np.random.set_state(states["numpy"])
    torch.default_generator.set_state(states["torch"])


def item_generator() -> np.random.Generator:
    """The random generator of the item that is read, for functions that augment it.

    Outside of :func:`item_randomness` it is a new generator, seeded from the global random state of NumPy,
    so that ``np.random.seed`` makes single calls repeatable.

    >>> np.random.seed(3)
    >>> first = item_generator().random()
    >>> np.random.seed(3)
    >>> item_generator().random() == first, item_generator().random() == first
    (True, False)
    """
    generator = _generator.get()
    if generator is None:
        generator = np.random.default_rng(np.random.randint(2**32, size=4, dtype=np.uint32))
    return generator
