"""The callback that ends a training whose loss is not finite."""

from __future__ import annotations

from lightning import LightningModule, Trainer

from layergraph.training.batches.items import Items
from layergraph.training.batches.mini_batches import MiniBatches
from layergraph.training.callbacks.iteration_callback import IterationCallback
from layergraph.training.divergence import Divergence, FiniteLoss
from layergraph.training.ending import Ending
from layergraph.training.lightning_module import TrainingModule


class DivergenceGuard(IterationCallback):
    """Restores the network from before the first loss that is not finite, and ends the training there."""

    def __init__(self, items: Items, batches: MiniBatches, ending: Ending) -> None:
        self._items, self._batches, self._ending = items, batches, ending
        self._divergence: Divergence | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        self._guard = FiniteLoss(pl_module.net, self._items, self._batches)

    def on_iteration_start(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        self._guard.copy_network(iteration)

    def on_iteration_end(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        self._divergence = self._guard.check(iteration, module.finite)
        if self._divergence is not None:
            self._ending.stop(trainer, "Loss is not finite.")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        # the check of the last iteration may be pending on a GPU
        divergence = self._divergence or self._guard.check_pending()
        if divergence is not None:
            self._ending.stop(trainer, "Loss is not finite.")
            self._ending.warnings.append(divergence.text)
            # on a GPU, the iteration after the divergent one runs before this is known
            pl_module.series.truncate(divergence.iteration)
