"""The base of callbacks that act after iterations."""

from __future__ import annotations

from typing import Any

from lightning import Callback, LightningModule, Trainer

from layergraph.training.lightning_module import TrainingModule


class IterationCallback(Callback):
    """Calls its hooks with the number of the iteration, from 1, at its start and end.

    An iteration is a step of the optimizer: with ``accumulate_grad_batches`` it has several mini-batches.
    """

    def on_iteration_start(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        """Act before the first mini-batch of an iteration."""

    def on_iteration_end(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        """Act after the step of the optimizer."""

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx % trainer.accumulate_grad_batches == 0:
            assert isinstance(pl_module, TrainingModule)
            self.on_iteration_start(trainer, pl_module, trainer.global_step + 1)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        # an epoch has whole iterations only
        if (batch_idx + 1) % trainer.accumulate_grad_batches == 0:
            assert isinstance(pl_module, TrainingModule)
            self.on_iteration_end(trainer, pl_module, trainer.global_step)
