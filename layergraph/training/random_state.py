"""The random states of Python, NumPy and torch around a part of a training."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from layergraph.data.randomness import random_states, set_random_states


@contextmanager
def same_random_state() -> Iterator[None]:
    """Restore all random states at the end of the block.

    >>> with same_random_state():
    ...     first = random.random()
    >>> first == random.random()
    True
    """
    import torch

    states = random_states()
    # all CUDA devices, not only the current one: manual_seed seeds them all
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        try:
            yield
        finally:
            set_random_states(states)


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Take all random numbers of the block from a seed, if there is one, and restore the random states."""
    if seed is None:
        yield
        return
    import torch

    with same_random_state():
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        yield


def drawn_seed() -> int:
    """A seed from torch's generator."""
    import torch

    return int(torch.randint(2**32, ()))


def seed_process(seed: int, rank: int) -> None:
    """Give the processes of a training other random numbers of torch, so that their dropouts differ."""
    import torch

    if rank:  # the first one trains as a single process would
        state = np.random.SeedSequence(seed, spawn_key=(rank,)).generate_state(1, np.uint64)
        torch.manual_seed(int(state[0]) >> 1)
