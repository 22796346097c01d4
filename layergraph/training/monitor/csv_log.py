"""The CSV log of a training: a row per iteration, readable while training runs."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from layergraph.atomic import atomic_file
from layergraph.training.series import Metric, Numbers, Row


class CsvLog:
    """Writes ``log.csv``: first all earlier iterations of a continued training, then those that follow.

    A number that was not computed is an empty cell.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     log = CsvLog(Path(folder, "log.csv"), "Accuracy")
    ...     log.write([Row(1, 1, 0.5, loss=0.7, metric=50.0, learn_rate=0.01, validation=None)])
    ...     print(log.path.read_text().replace(",", ", "), end="")
    epoch, iteration, time_since_start, training_loss, training_accuracy, validation_loss, \
validation_accuracy, base_learn_rate
    1, 1, 0.5, 0.7, 50.0, , , 0.01
    """

    name = "the CSV log"

    def __init__(self, path: Path, metric: Metric) -> None:
        self.path, self._metric = path, metric
        self._is_new = True

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows; the first call replaces an older file."""
        if self._is_new:
            _write(self.path, rows, self._metric)
            self._is_new = not rows  # the first row names the columns
        else:
            # opened anew each time: an open file would keep rows in memory, which a crash loses
            with self.path.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(_cells(rows))

    def close(self, reason: str) -> None:
        """Do nothing: all rows are in the file."""


def write_csv(path: str | os.PathLike[str], numbers: Numbers, metric: Metric) -> None:
    """Write the rows of all iterations."""
    rows = [numbers.row(iteration) for iteration in range(1, len(numbers.losses) + 1)]
    _write(path, rows, metric)


def _write(path: str | os.PathLike[str], rows: Sequence[Row], metric: Metric) -> None:
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            [*columns(metric), *(loss_column(name) for row in rows[:1] for name in row.output_losses)]
        )
        writer.writerows(_cells(rows))


def columns(metric: Metric) -> tuple[str, ...]:
    """The names of the columns, which are those of an output function's record."""
    name = metric.lower()
    return (
        *("epoch", "iteration", "time_since_start"),
        *("training_loss", f"training_{name}", "validation_loss", f"validation_{name}", "base_learn_rate"),
    )


def loss_column(output: str) -> str:
    """The name of the column with the loss of one of several output layers."""
    return f"loss/{output}"


def _cells(rows: Iterable[Row]) -> Iterator[tuple[object, ...]]:
    for row in rows:
        validation = row.validation or ("", "")
        yield (
            *(row.epoch, row.iteration, round(row.seconds, 3)),
            *(row.loss, row.metric, *validation, row.learn_rate),
            *row.output_losses.values(),
        )
