"""The callback that ends a training at a signal."""

from __future__ import annotations

from lightning import LightningModule, Trainer

from layergraph.training.callbacks.iteration_callback import IterationCallback
from layergraph.training.ending import Ending
from layergraph.training.info import StopReason
from layergraph.training.interrupts import StopRequest
from layergraph.training.lightning_module import TrainingModule

_REASONS: dict[str, StopReason] = {
    "SIGINT": "Stopped manually.",
    "SIGTERM": "Stopped by SIGTERM.",
    "SIGHUP": "Stopped by SIGHUP.",
}


class SignalStop(IterationCallback):
    """Ends the training after the iteration in which a signal comes."""

    def __init__(self, stop: StopRequest, ending: Ending) -> None:
        self._stop, self._ending = stop, ending

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._stop.install_again()  # Lightning replaces the handler of SIGTERM at its start
        # from here on a signal ends the training and not the process
        self._stop.has_result = True

    def on_iteration_end(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        if self._stop.received is not None:
            self._ending.stop(trainer, _REASONS[self._stop.received.name])

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # a signal that came after the last iteration
        if self._stop.received is not None:
            self._ending.stop(trainer, _REASONS[self._stop.received.name])
