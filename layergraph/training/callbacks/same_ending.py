"""The callback that ends a training in all its processes at once."""

from __future__ import annotations

import signal
from typing import get_args

from lightning import LightningModule, Trainer

from layergraph.training.callbacks.iteration_callback import IterationCallback
from layergraph.training.ending import Ending
from layergraph.training.info import StopReason
from layergraph.training.interrupts import StopRequest
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.processes.processes import Processes

_REASONS: tuple[StopReason, ...] = get_args(StopReason)
_SIGNALS = {"Stopped by SIGTERM.": "SIGTERM", "Stopped by SIGHUP.": "SIGHUP"}


class SameEnding(IterationCallback):
    """Ends the training where one of the processes ends it: a signal or the page's button reaches only one.

    It comes after all callbacks that end a training, so that it knows their reasons.
    """

    def __init__(self, processes: Processes, stop: StopRequest, ending: Ending) -> None:
        self._processes, self._stop, self._ending = processes, stop, ending

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._agree(trainer)

    def on_iteration_end(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        self._agree(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._agree(trainer)

    def _agree(self, trainer: Trainer) -> None:
        # 0 is the end after the last epoch, and the largest number a loss that is not finite
        number = self._processes.largest(_REASONS.index(self._ending.reason))
        if number:
            reason = _REASONS[number]
            self._ending.agree(trainer, reason)
            # a job that ends leaves no time for statistics, whichever process has its signal
            if reason in _SIGNALS and self._stop.received is None:
                self._stop.received = signal.Signals[_SIGNALS[reason]]
