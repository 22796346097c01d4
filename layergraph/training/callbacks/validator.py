"""The callback that validates the network while it trains."""

from __future__ import annotations

from typing import Any

import torch
from lightning import LightningModule, Trainer

from layergraph.training.callbacks.iteration_callback import IterationCallback
from layergraph.training.ending import Ending
from layergraph.training.interrupts import StopRequest
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.optimization.rate_scheduler import MONITORED
from layergraph.training.options import TrainingOptions
from layergraph.training.validation.best_network import BestNetwork
from layergraph.training.validation.validation_set import ValidationSet


class Validator(IterationCallback):
    """Validates after the first iteration, after each ``validation_frequency``, and after the last one.

    It does so here, and not by the loop of Lightning, which knows only multiples, and runs after the
    callbacks that print and save the iteration. A signal ends the validation that runs, without a result.
    """

    def __init__(
        self,
        validation: ValidationSet,
        options: TrainingOptions,
        num_iterations: int,
        stop: StopRequest,
        ending: Ending,
    ) -> None:
        self._validation, self._options, self._num_iterations = validation, options, num_iterations
        self._stop, self._ending = stop, ending
        self._loaded: dict[str, Any] | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        # here the network is on its device
        self.best = BestNetwork(pl_module.net, keep=self._options.returns_best)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._loaded is not None:
            self.best.load_state_dict(self._loaded)
            self._loaded = None

    def state_dict(self) -> dict[str, Any]:
        """The best network so far, for a checkpoint."""
        return self.best.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint, when training starts."""
        self._loaded = state_dict

    def on_iteration_end(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        frequency = self._options.validation_frequency
        is_due = iteration == 1 or iteration % frequency == 0 or iteration == self._num_iterations
        if is_due and self._ending.reason != "Loss is not finite.":
            self._validate(trainer, module, iteration)
            is_last = iteration == self._num_iterations
            if self.best.num_worse >= self._options.validation_patience and not is_last:
                self._ending.stop(trainer, "Met validation criterion.")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        last, validations = len(pl_module.series), pl_module.series.validation
        # a network that was restored after a loss that is not finite is not that of the last iteration
        is_last = self._ending.reason != "Loss is not finite."
        if last and last not in validations and is_last:
            self._validate(trainer, pl_module, last)
        if self._options.returns_best and self.best.iteration:
            self.best.restore()
            self._ending.output_iteration = self.best.iteration
            if not is_last:
                self._ending.warnings.append(
                    "train_network: instead, the network is the one after iteration "
                    f"{self.best.iteration}, which has the smallest validation loss"
                )

    def _validate(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        result = self._validation.evaluate(module, trainer, lambda: self._stop.received is None)
        if result is not None:
            module.series.validation[iteration] = result
            self.best.compare(result[0], iteration)
            # for schedulers of torch that watch it
            trainer.callback_metrics[MONITORED] = torch.tensor(result[0])
