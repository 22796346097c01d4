"""The reading of mini-batches, in this process or ahead in worker processes."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from layergraph.data.undeclared import UndeclaredWarning
from layergraph.errors import WrongTypeError
from layergraph.training.batches.items import Items
from layergraph.training.batches.mini_batches import ItemKey
from layergraph.training.portable_error import portable_error
from layergraph.training.processes.processes import Processes
from layergraph.wording import visible


class BatchLoader(DataLoader[Any]):
    """Reads mini-batches of items: the same ones, whatever the number of workers.

    An error in a worker is raised here as it would be without workers, and warnings appear here.

    Args:
        items: the items to read.
        batches: the keys of the items of each mini-batch.
        num_workers: processes that read ahead, two mini-batches each; 0 reads in this process.
        pinned: copy mini-batches to pinned memory, which CUDA transfers faster.
        processes: those of the training, each with a loader, which raise an error of one of them together.

    Raises:
        WrongTypeError: the data cannot be sent to workers, where the system cannot fork processes.
    """

    def __init__(
        self,
        items: Items,
        batches: Iterable[Sequence[ItemKey]],
        *,
        num_workers: int = 0,
        pinned: bool = False,
        processes: Processes | None = None,
    ) -> None:
        # a new interpreter per worker, as Windows and macOS start, must import and unpickle the data;
        # a fork of this process has it already, transforms by lambda included
        forks = sys.platform == "linux"
        if num_workers and not forks:
            _require_pickle(items)
        super().__init__(
            _Reader(items),
            sampler=batches,
            # the sampler gives whole mini-batches
            batch_size=None,
            collate_fn=_unchanged,
            num_workers=num_workers,
            worker_init_fn=_start_worker if num_workers else None,
            persistent_workers=num_workers > 0,
            multiprocessing_context="fork" if num_workers and forks else None,
            pin_memory=pinned,
            # torch draws a seed for its workers in each epoch, which would shift the numbers of dropout
            generator=torch.Generator(),
        )
        self._items, self._processes = items, processes or Processes()
        self._registry: dict[Any, Any] = {}  # of warnings that were shown

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        # the workers start here and not at the first mini-batch, as in a generator function
        return self._contents(super().__iter__())

    def close(self) -> None:
        """End the workers, which otherwise end with the last iterator."""
        if isinstance(self._iterator, _MultiProcessingDataLoaderIter):
            self._iterator._shutdown_workers()
        self._iterator = None

    def _contents(self, readings: Iterator[_Reading]) -> Iterator[Any]:
        while (reading := _next_reading(readings)) is not None:
            for caught in reading.warnings:
                # each worker has its own copy of a store, which reports a value once
                if not isinstance(caught[0], UndeclaredWarning) or caught[0].is_new():
                    warnings.warn_explicit(*caught, registry=self._registry)
            self._processes.raise_together(reading.error)
            # a worker sets the flags of its own copy of the items
            flags = zip(self._items.has_labels, reading.has_labels, strict=True)
            self._items.has_labels = [known or read for known, read in flags]
            yield reading.batch


class _Reading(NamedTuple):
    """What a worker reads: a mini-batch or an error, the warnings as (message, category, file, line)."""

    batch: Any
    error: Exception | None = None
    warnings: tuple[tuple[Any, type[Warning], str, int], ...] = ()
    has_labels: tuple[bool, ...] = ()


def _next_reading(readings: Iterator[_Reading]) -> _Reading | None:
    try:
        return next(readings, None)
    except Exception as error:  # read in this process
        return _Reading(None, error)


class _Reader(Dataset[_Reading]):
    """The mini-batches by their keys."""

    def __init__(self, items: Items) -> None:
        self._items = items

    def __getitem__(self, keys: Sequence[ItemKey]) -> _Reading:
        if get_worker_info() is None:
            batch = self._items.batch(keys)
            return _Reading(batch, has_labels=tuple(self._items.has_labels))
        batch, error = None, None
        with warnings.catch_warnings(record=True) as caught:
            try:
                batch = self._items.batch(keys)
            except Exception as raised:
                error = portable_error(raised, "a process that reads ahead")
        rows = tuple((each.message, each.category, each.filename, each.lineno) for each in caught)
        return _Reading(batch, error, rows, tuple(self._items.has_labels))


def _require_pickle(items: Items) -> None:
    try:
        ForkingPickler.dumps(items)
    except Exception as error:
        raise WrongTypeError(
            "train_network: data must be an object that can be pickled where workers read it on this system, "
            f"got one that cannot ({visible(str(error))}); define its functions by def at the top of a "
            "module, or train with num_workers=0"
        ) from None


def _start_worker(number: int) -> None:
    """Leave the signals that end a training to the training process, which then ends its workers."""
    # a terminal sends Ctrl-C, and a job scheduler SIGTERM, to all processes at once
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def ignore_once(number: int, frame: object) -> None:
        # the second one is that of torch, for a worker that does not end by itself
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, ignore_once)


def _unchanged(reading: Any) -> Any:
    """What was read, unchanged: ``Items`` already collates it."""
    return reading
