"""The callback that shows a training: log, progress bar, output functions, log files and page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from lightning import LightningModule, Trainer

from layergraph.progress import Advance, is_shown, progress
from layergraph.training.callbacks.iteration_callback import IterationCallback
from layergraph.training.ending import Ending
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.monitor.log import TrainingLog
from layergraph.training.monitor.output_functions import OutputFunctions
from layergraph.training.monitor.page_data import Plan
from layergraph.training.monitor.views import Views, open_views
from layergraph.training.options import TrainingOptions
from layergraph.training.series import Metric, Series
from layergraph.wording import visible

_PERIOD = 0.5  # seconds between two texts of the progress bar


class Monitoring(IterationCallback):
    """Shows the iterations. With several processes, the options of all but the first ask for nothing.

    The log has rows at the first iteration, at multiples of ``verbose_frequency``, at validations and at the
    end. A read of the loss waits for the GPU, so that it happens for rows, for output functions, and else
    every few seconds.
    """

    def __init__(
        self,
        options: TrainingOptions,
        log: TrainingLog,
        metric: Metric,
        plan: Plan,
        ending: Ending,
        advance: Advance,
    ) -> None:
        self._options, self._log, self._metric = options, log, metric
        self._plan, self._ending, self._advance = plan, ending, advance
        assert isinstance(options.output_fcn, tuple)  # its normal form
        self._functions = OutputFunctions(options.output_fcn, metric)
        self._views = Views([])
        self._num_printed = self._num_shown = 0
        self._stop = threading.Event()
        self._has_bar = is_shown(options.verbose)
        self._next_text = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        done = len(pl_module.series)
        self._views, lines = open_views(self._options, self._metric, self._plan, done, self._stop.set)
        self._num_printed = done
        self._log.print_places(lines)
        self._log.print_head()
        self._advance(done)
        should_stop = False
        if self._functions:
            should_stop = self._functions("start", pl_module.series.row(done) if done else None)
        self._end_if(should_stop, trainer)

    def on_iteration_end(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        should_stop = False
        # the row of a loss that is not finite is the last one
        if self._ending.reason != "Loss is not finite.":
            frequency, series = self._options.verbose_frequency, module.series
            if iteration == 1 or iteration % frequency == 0 or iteration in series.validation:
                self._print_row(iteration, series)
            self._show_bar(iteration, series)
            # not the newest: the end of the training may still validate it or give it up
            if self._views.is_due:
                self._show_rows(iteration - 1, series)
            if self._functions:
                should_stop = self._functions("iteration", series.row(iteration))
        self._end_if(should_stop, trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        series = pl_module.series
        if len(series) > self._num_printed:
            self._print_row(len(series), series)
        self._show_rows(len(series), series)
        if self._functions:
            try:
                self._functions("done", series.row(len(series)) if len(series) else None)
            except Exception as error:  # after the last iteration, no error loses the network
                reason = visible(f"{type(error).__name__}: {error}")
                self._ending.warnings.append(
                    f"train_network: an output function failed at the end of training ({reason})"
                )

    def close(self, reason: str) -> None:
        """Show the reason for the end."""
        self._views.close(reason)
        self._ending.warnings += self._views.warnings

    def _end_if(self, should_stop: bool, trainer: Trainer) -> None:
        """End the training if an output function, or the button of the page, asks for it."""
        if self._stop.is_set():
            self._ending.stop(trainer, "Stopped manually.")
        elif should_stop:
            self._ending.stop(trainer, "Stopped by output function.")

    def _print_row(self, iteration: int, series: Series) -> None:
        if self._options.verbose:
            self._log.print_row(series.row(iteration))
        self._num_printed = iteration

    def _show_rows(self, last: int, series: Series) -> None:
        if self._views:
            self._views.write(series.rows(self._num_shown + 1, last))
            self._num_shown = max(last, self._num_shown)

    def _show_bar(self, iteration: int, series: Series) -> None:
        text = ""
        if self._has_bar and time.monotonic() >= self._next_text:
            row = series.row(iteration)
            text = f"Epoch {row.epoch} of {self._plan.max_epochs}, loss {row.loss:.4f}"
            self._next_text = time.monotonic() + _PERIOD
        self._advance(text=text)


@contextmanager
def monitoring(
    options: TrainingOptions, log: TrainingLog, metric: Metric, plan: Plan, ending: Ending
) -> Iterator[Monitoring]:
    """Give the callback, and close all that it opened: after an error, the page must not claim to run."""
    with progress("Training", plan.iterations, shown=options.verbose) as advance:
        callback = Monitoring(options, log, metric, plan, ending, advance)
        try:
            yield callback
        except BaseException:
            callback.close("Stopped by an error.")
            raise
        callback.close(ending.reason)
