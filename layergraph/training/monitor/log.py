"""The printed log of a training, in MATLAB's format."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from layergraph.training.info import StopReason
from layergraph.training.series import Metric, Row
from layergraph.wording import counted, quoted, visible


class TrainingLog:
    """Prints the log to stdout line by line; with ``shown=False`` it prints nothing.

    With ``validation=True`` the table has columns for it, empty where an iteration has no validation.

    >>> log = TrainingLog("Accuracy")
    >>> log.print_device("CPU")  # doctest: +ELLIPSIS
    Training on single CPU (... thread...).
    >>> log.print_head()
    |========================================================================================|
    |  Epoch  |  Iteration  |  Time Elapsed  |  Mini-batch  |  Mini-batch  |  Base Learning  |
    |         |             |   (hh:mm:ss)   |   Accuracy   |     Loss     |      Rate       |
    |========================================================================================|
    >>> log.print_row(Row(1, 1, 8.3, loss=0.738, metric=52.15, learn_rate=1e-3, validation=None))
    |       1 |           1 |       00:00:08 |       52.15% |       0.7380 |          0.0010 |
    >>> log.print_end("Max epochs completed.")
    |========================================================================================|
    Training finished: Max epochs completed.
    """

    def __init__(self, metric: Metric, *, validation: bool = False, shown: bool = True) -> None:
        self._metric, self._validation, self._shown = metric, validation, shown
        headers = [
            ("Epoch", ""),
            ("Iteration", ""),
            ("Time Elapsed", "(hh:mm:ss)"),
            ("Mini-batch", metric),
            *[("Validation", metric)] * validation,
            ("Mini-batch", "Loss"),
            *[("Validation", "Loss")] * validation,
            ("Base Learning", "Rate"),
        ]
        # two blanks on each side of the longest line, as in MATLAB's table
        self._widths = [max(map(len, header)) + 4 for header in headers]
        self._headers = [
            _join_cells(f"{text:^{width}}" for text, width in zip(line, self._widths, strict=True))
            for line in zip(*headers, strict=True)
        ]
        self._rule = f"|{'=' * (len(self._headers[0]) - 2)}|"

    def print_device(self, kind: Literal["CPU", "GPU"], count: int = 1) -> None:
        """Print the device, or how many of them train, as MATLAB does, with its name or threads."""
        device = f"single {kind}" if count == 1 else f"{count} {kind}s"
        self._print(f"Training on {device} ({visible(_about(kind))}).")

    def print_normalization(self) -> None:
        """Print that the computation of the input statistics starts."""
        self._print("Initializing input data normalization.")

    def print_head(self) -> None:
        """Print the head of the table."""
        self._print(self._rule, *self._headers, self._rule)

    def print_places(self, lines: Iterable[str]) -> None:
        """Print where to look, also in a log that is not shown, as nothing else says it."""
        for line in lines:
            with suppress(OSError):
                print(line, flush=True)

    def print_row(self, row: Row) -> None:
        """Print a row of the table; the metric is an accuracy in percent, or an RMSE."""
        loss, metric = row.validation or (None, None)
        cells = [
            str(row.epoch),
            str(row.iteration),
            elapsed_time(row.seconds),
            self._metric_cell(row.metric),
            *[self._metric_cell(metric)] * self._validation,
            _number(row.loss),
            *["" if loss is None else _number(loss)] * self._validation,
            _number(row.learn_rate),
        ]
        self._print(
            _join_cells(f"{cell:>{width - 1}} " for cell, width in zip(cells, self._widths, strict=True))
        )

    def print_end(self, reason: StopReason) -> None:
        """Print the end of the table, and the reason for the end of training."""
        self._print(self._rule, f"Training finished: {reason}")

    def print_checkpoint(self, path: Path) -> None:
        """Print how a training that was stopped continues."""
        folder = quoted(str(path.parent))
        self._print(f"Wrote {visible(path.name)}; continue with resume_from={folder} (in a shell: --resume).")

    def _metric_cell(self, value: float | None) -> str:
        if value is None:
            return ""
        return f"{value:.2f}%" if self._metric == "Accuracy" else f"{value:.2f}"

    def _print(self, *lines: str) -> None:
        if self._shown:
            try:
                # flushed: in a file or pipe, rows would appear in blocks, long after they happen
                print(*lines, sep="\n", flush=True)
            except OSError:  # a closed pipe or a full disk must not end the training
                self._shown = False


def elapsed_time(seconds: float) -> str:
    """Seconds as hours, minutes and seconds.

    >>> elapsed_time(61.9), elapsed_time(360_000)
    ('00:01:01', '100:00:00')
    """
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}"


def _about(kind: Literal["CPU", "GPU"]) -> str:
    # here, because the log is imported before torch is needed
    import torch

    if kind == "CPU":
        return counted(torch.get_num_threads(), "thread")
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "Apple"


def _join_cells(cells: Iterable[str]) -> str:
    return f"|{'|'.join(cells)}|"


def _number(value: float) -> str:
    """Four decimals, with an exponent for very small and very large numbers."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.4e}"
