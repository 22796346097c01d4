"""The series of a training: losses, metrics, rates and validations, one entry per iteration."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class Row(NamedTuple):
    """One iteration, counted from 1 like the epoch; ``validation`` is (loss, metric), if it was computed."""

    epoch: int
    iteration: int
    seconds: float
    loss: float
    metric: float
    learn_rate: float
    validation: tuple[float, float] | None


class Numbers(NamedTuple):
    """The series as plain numbers; ``validation`` has (loss, metric) by iteration, which counts from 1."""

    losses: list[float]
    metrics: list[float]
    learn_rates: list[float]
    epochs: list[int]
    seconds: list[float]
    validation: dict[int, tuple[float, float]]


class Series:
    """Collects the series while a training runs, without a wait for the GPU.

    The losses and metrics that :meth:`add` takes stay tensors on their device until :meth:`row` or
    :meth:`numbers` reads them, all in one transfer. Times are seconds since :meth:`start`; a training that
    continues another continues its times.

    >>> series = Series()
    >>> series.start()
    >>> series.add(torch.tensor(0.5), torch.tensor(75.0), learn_rate=0.01, epoch=1)
    >>> series.validation[1] = (0.75, 50.0)
    >>> len(series), series.numbers().losses, series.numbers().validation
    (1, [0.5], {1: (0.75, 50.0)})
    """

    def __init__(self) -> None:
        self.validation: dict[int, tuple[float, float]] = {}
        self._losses: list[float] = []
        self._metrics: list[float] = []
        self._pending: list[tuple[Tensor, Tensor]] = []
        self._learn_rates: list[float] = []
        self._epochs: list[int] = []
        self._seconds: list[float] = []
        self._start = 0.0

    def start(self) -> None:
        """Start the clock."""
        self._start = time.monotonic() - (self._seconds[-1] if self._seconds else 0.0)

    def seconds(self) -> float:
        """The time since the start."""
        return time.monotonic() - self._start

    def add(self, loss: Tensor, metric: Tensor, *, learn_rate: float, epoch: int) -> None:
        """Add an iteration at its end: scalar tensors, the base learning rate, the epoch from 1."""
        self._pending.append((loss, metric))
        self._learn_rates.append(learn_rate)
        self._epochs.append(epoch)
        self._seconds.append(self.seconds())

    def __len__(self) -> int:
        """The number of iterations."""
        return len(self._epochs)

    def row(self, iteration: int) -> Row:
        """One iteration. Those that are new are read from their device, which waits for it."""
        self._read()
        i = iteration - 1
        return Row(
            self._epochs[i],
            iteration,
            self._seconds[i],
            self._losses[i],
            self._metrics[i],
            self._learn_rates[i],
            self.validation.get(iteration),
        )

    def numbers(self) -> Numbers:
        """All series as plain numbers."""
        self._read()
        return Numbers(
            self._losses[:],
            self._metrics[:],
            self._learn_rates[:],
            self._epochs[:],
            self._seconds[:],
            dict(self.validation),
        )

    def truncate(self, iterations: int) -> None:
        """Forget all after the first ``iterations``."""
        self._read()
        for entries in (self._losses, self._metrics, self._learn_rates, self._epochs, self._seconds):
            del entries[iterations:]
        self.validation = {i: pair for i, pair in self.validation.items() if i <= iterations}

    def state_dict(self) -> dict[str, Tensor]:
        """All series as float64 tensors on the CPU, for a checkpoint."""
        numbers = self.numbers()
        columns: dict[str, list[float]] = {
            "losses": numbers.losses,
            "metrics": numbers.metrics,
            "learn_rates": numbers.learn_rates,
            "epochs": [float(epoch) for epoch in numbers.epochs],
            "seconds": numbers.seconds,
            "validation_iterations": [float(iteration) for iteration in numbers.validation],
            "validation_losses": [loss for loss, _ in numbers.validation.values()],
            "validation_metrics": [metric for _, metric in numbers.validation.values()],
        }
        return {name: torch.tensor(column, dtype=torch.float64) for name, column in columns.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Replace all series by those of :meth:`state_dict`."""
        columns = {name: column.tolist() for name, column in state.items()}
        self._pending.clear()
        self._losses, self._metrics = columns["losses"], columns["metrics"]
        self._learn_rates, self._seconds = columns["learn_rates"], columns["seconds"]
        self._epochs = [int(epoch) for epoch in columns["epochs"]]
        pairs = zip(columns["validation_losses"], columns["validation_metrics"], strict=True)
        iterations = (int(iteration) for iteration in columns["validation_iterations"])
        self.validation = dict(zip(iterations, pairs, strict=True))

    def _read(self) -> None:
        if self._pending:
            # stacked, since each conversion of a tensor on a GPU is a transfer
            stacked = torch.stack([tensor for pair in self._pending for tensor in pair])
            numbers = [float(number) for number in stacked.tolist()]
            self._losses += numbers[::2]
            self._metrics += numbers[1::2]
            self._pending.clear()
