"""The series of a training: losses, metrics, rates and validations, one entry per iteration."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from math import nan
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

Metric = Literal["Accuracy", "RMSE"]

_LOSS = "losses/"  # before the name of an output layer in a checkpoint


_NONE: Mapping[str, Any] = MappingProxyType({})


class Row(NamedTuple):
    """One iteration, counted from 1 like the epoch; ``validation`` is (loss, metric), if it was computed.

    ``output_losses`` has the loss of each output layer, if there are several.
    """

    epoch: int
    iteration: int
    seconds: float
    loss: float
    metric: float
    learn_rate: float
    validation: tuple[float, float] | None
    output_losses: Mapping[str, float] = _NONE


class Numbers(NamedTuple):
    """The series as plain numbers; ``validation`` has (loss, metric) by iteration, which counts from 1.

    ``output_losses`` has those of each output layer, if there are several.
    """

    losses: list[float]
    metrics: list[float]
    learn_rates: list[float]
    epochs: list[int]
    seconds: list[float]
    validation: dict[int, tuple[float, float]]
    output_losses: Mapping[str, list[float]] = _NONE

    def row(self, iteration: int) -> Row:
        """One iteration, counted from 1."""
        i = iteration - 1
        validation = self.validation.get(iteration)
        return Row(
            self.epochs[i],
            iteration,
            self.seconds[i],
            self.losses[i],
            self.metrics[i],
            self.learn_rates[i],
            validation,
            {name: losses[i] for name, losses in self.output_losses.items()},
        )


class Series:
    """Collects the series while a training runs, without a wait for the GPU.

    The losses and metrics that :meth:`add` takes stay tensors on their device until :meth:`row` or
    :meth:`numbers` reads them, all in one transfer. Times are seconds since :meth:`start`; a training that
    continues another continues its times.

    Args:
        outputs: the names of the output layers, if there are several.

    >>> import torch
    >>> series = Series()
    >>> series.start()
    >>> series.add(torch.tensor(0.5), torch.tensor(75.0), learn_rate=0.01, epoch=1)
    >>> series.validation[1] = (0.75, 50.0)
    >>> len(series), series.numbers().losses, series.numbers().validation
    (1, [0.5], {1: (0.75, 50.0)})
    """

    def __init__(self, outputs: Sequence[str] = ()) -> None:
        self._numbers = Numbers([], [], [], [], [], {}, {name: [] for name in outputs})
        self._pending: list[tuple[Tensor, ...]] = []
        self._start = 0.0

    @property
    def validation(self) -> dict[int, tuple[float, float]]:
        """The validations, to add to: (loss, metric) by iteration."""
        return self._numbers.validation

    def start(self) -> None:
        """Start the clock."""
        self._start = time.monotonic() - (self._numbers.seconds or [0.0])[-1]

    def seconds(self) -> float:
        """The time since the start."""
        return time.monotonic() - self._start

    def add(
        self, loss: Tensor, metric: Tensor, *output_losses: Tensor, learn_rate: float, epoch: int
    ) -> None:
        """Add an iteration at its end: scalar tensors, the base learning rate, the epoch from 1."""
        self._pending.append((loss, metric, *output_losses))
        self._numbers.learn_rates.append(learn_rate)
        self._numbers.epochs.append(epoch)
        self._numbers.seconds.append(self.seconds())

    def __len__(self) -> int:
        """The number of iterations."""
        return len(self._numbers.epochs)

    def row(self, iteration: int) -> Row:
        """One iteration. Those that are new are read from their device, which waits for it."""
        self._read()
        return self._numbers.row(iteration)

    def numbers(self) -> Numbers:
        """All series as plain numbers."""
        self._read()
        columns = self._numbers
        return Numbers(
            columns.losses[:],
            columns.metrics[:],
            columns.learn_rates[:],
            columns.epochs[:],
            columns.seconds[:],
            dict(columns.validation),
            {name: losses[:] for name, losses in columns.output_losses.items()},
        )

    def rows(self, first: int, last: int) -> list[Row]:
        """The iterations from ``first`` to ``last``."""
        self._read()
        return [self._numbers.row(iteration) for iteration in range(first, last + 1)]

    def truncate(self, iterations: int) -> None:
        """Forget all after the first ``iterations``."""
        self._read()
        columns = self._numbers
        lists: list[list[float] | list[int]] = [
            columns.losses,
            columns.metrics,
            columns.learn_rates,
            columns.epochs,
            columns.seconds,
            *columns.output_losses.values(),
        ]
        for entries in lists:
            del entries[iterations:]
        for iteration in [i for i in columns.validation if i > iterations]:
            del columns.validation[iteration]

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
            **{f"{_LOSS}{name}": losses for name, losses in numbers.output_losses.items()},
        }
        import torch

        return {name: torch.tensor(column, dtype=torch.float64) for name, column in columns.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Replace all series by those of :meth:`state_dict`."""
        columns = {name: column.tolist() for name, column in state.items()}
        self._pending.clear()
        pairs = zip(columns["validation_losses"], columns["validation_metrics"], strict=True)
        iterations = map(int, columns["validation_iterations"])
        self._numbers = Numbers(
            columns["losses"],
            columns["metrics"],
            columns["learn_rates"],
            [*map(int, columns["epochs"])],
            columns["seconds"],
            dict(zip(iterations, pairs, strict=True)),
            # a checkpoint of an older version has none
            {
                name: columns.get(f"{_LOSS}{name}", [nan] * len(columns["losses"]))
                for name in self._numbers.output_losses
            },
        )

    def _read(self) -> None:
        if self._pending:
            import torch

            # stacked, since each conversion of a tensor on a GPU is a transfer
            stacked = torch.stack([tensor for tensors in self._pending for tensor in tensors])
            numbers = [float(number) for number in stacked.tolist()]
            columns = (self._numbers.losses, self._numbers.metrics, *self._numbers.output_losses.values())
            for index, column in enumerate(columns):
                column.extend(numbers[index :: len(columns)])
            self._pending.clear()
