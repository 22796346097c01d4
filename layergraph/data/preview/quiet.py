"""Reading that leaves no trace: no warning, and the random states as they were."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

is_quiet: ContextVar[bool] = ContextVar("reading without a trace", default=False)
"""Whether a warning that a store gives once waits for the next time that it would be given."""


@contextmanager
def quiet_reading() -> Iterator[None]:
    """Read items without warnings, which come at the next reading, and keep the global random states.

    >>> np.random.seed(3)
    >>> with quiet_reading():
    ...     first = np.random.rand()
    >>> np.random.rand() == first
    True
    """
    # torch costs a second, and without it there is no state of torch
    torch = sys.modules.get("torch")
    states = random.getstate(), np.random.get_state(), torch and torch.default_generator.get_state()
    token = is_quiet.set(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        is_quiet.reset(token)
        random.setstate(states[0])
        np.random.set_state(states[1])
        if torch is not None:
            torch.default_generator.set_state(states[2])
