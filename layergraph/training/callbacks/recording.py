"""The callback that fills the series of a training."""

from __future__ import annotations

from typing import Any

from lightning import LightningModule, Trainer

from layergraph.training.batches.items import Items
from layergraph.training.callbacks.iteration_callback import IterationCallback
from layergraph.training.lightning_module import TrainingModule


class Recording(IterationCallback):
    """Adds each iteration to the series, and ends a training without any label after its first epoch."""

    def __init__(self, items: Items) -> None:
        self._items = items
        self._learn_rate = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        pl_module.series.start()

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        assert isinstance(pl_module, TrainingModule)
        checkpoint["series"] = pl_module.series.state_dict()
        self._join_labels(pl_module)
        # the rest of the epoch may have no labels
        checkpoint["has_labels"] = list(self._items.has_labels)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        assert isinstance(pl_module, TrainingModule)
        pl_module.series.load_state_dict(checkpoint["series"])
        self._items.has_labels = list(checkpoint["has_labels"])

    def on_iteration_start(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        # at the end of the iteration, its schedule may have set the rate of the next one
        self._learn_rate = module.learn_rate

    def on_iteration_end(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        module.series.add(
            *module.take_measures(), learn_rate=self._learn_rate, epoch=trainer.current_epoch + 1
        )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        self._join_labels(pl_module)
        # not at the first mini-batch: one without labels is no fault
        pl_module.processes.share(self._items.check_labels)

    def _join_labels(self, module: TrainingModule) -> None:
        """Know the labels that any process has read."""
        flags = module.processes.share(lambda: self._items.has_labels)
        self._items.has_labels = [any(column) for column in zip(*flags, strict=True)]
