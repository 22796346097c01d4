"""Isolation of a trial run: random states, warnings and the default device."""

from __future__ import annotations

import logging
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor


@contextmanager
def silence() -> Iterator[None]:
    """Suppress warnings, and the log of each operation that fails with fake tensors."""
    # the logger is not reached by warnings filters, and prints a traceback per operation
    logger = logging.getLogger(FakeTensor.__module__)
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


@contextmanager
def default_device(device: torch.device) -> Iterator[None]:
    """Make new tensors on the device of the weights if torch's default device is ``meta``.

    A network may be compiled under ``torch.device("meta")``, where tensors that ``forward`` makes would not
    be on the device of the weights.
    """
    with device if torch.get_default_device().type == "meta" else nullcontext():
        yield


@contextmanager
def preserve_random_state(device: torch.device | None = None) -> Iterator[None]:
    """Restore all random states afterwards: those of torch, Python and, where it is imported, NumPy."""
    # not imported here: a module that draws from NumPy has imported it
    numpy: Any = sys.modules.get("numpy")
    before, numpy_before = random.getstate(), numpy and numpy.random.get_state()
    on_device = device is not None and device.type not in ("cpu", "meta")
    options: dict[str, Any] = {"device_type": device.type} if device is not None and on_device else {}
    try:
        with torch.random.fork_rng([device] if on_device else [], **options):
            yield
    finally:
        random.setstate(before)
        if numpy:
            numpy.random.set_state(numpy_before)
