"""Isolation of a trial run: random states and warnings, the default device, and free memory."""

from __future__ import annotations

import logging
import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

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


def free_memory() -> int:
    """The number of free bytes, or 1 GiB if the system does not report it."""
    try:
        with open("/proc/meminfo") as file:
            rows = dict(line.split(":", 1) for line in file)
        return int(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        names = cast(Any, getattr(os, "sysconf_names", {}))
        if "SC_AVPHYS_PAGES" in names:
            return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return 1024**3
