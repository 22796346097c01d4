"""The callback that prints the log."""

from __future__ import annotations

from collections.abc import Callable

from lightning import LightningModule, Trainer

from layergraph.training.callbacks.iteration_callback import IterationCallback
from layergraph.training.ending import Ending
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.monitor.log import TrainingLog


class LogRows(IterationCallback):
    """Prints rows at the first iteration, at multiples of ``frequency``, at validations and at the end."""

    def __init__(
        self, log: TrainingLog, frequency: int, advance: Callable[[], object], ending: Ending
    ) -> None:
        self._log, self._frequency, self._advance, self._ending = log, frequency, advance, ending
        self._printed = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._log.print_head()

    def on_iteration_end(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        self._advance()
        is_due = iteration == 1 or iteration % self._frequency == 0 or iteration in module.series.validation
        # the row of a loss that is not finite is the last one
        if is_due and self._ending.reason != "Loss is not finite.":
            self._row(iteration, module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        if len(pl_module.series) > self._printed:
            self._row(len(pl_module.series), pl_module)

    def _row(self, iteration: int, module: TrainingModule) -> None:
        # this read waits for the GPU, so that only printed rows pay for it
        self._log.print_row(module.series.row(iteration))
        self._printed = iteration
