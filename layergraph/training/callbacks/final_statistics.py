"""The callback that computes the statistics of batch normalization at the end of a training."""

from __future__ import annotations

from lightning import Callback, LightningModule, Trainer

from layergraph.training.batches.items import Items
from layergraph.training.ending import Ending
from layergraph.training.interrupts import StopRequest
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.options import TrainingOptions
from layergraph.training.statistics.finalization import finalize


class FinalStatistics(Callback):
    """Computes the statistics of batch normalization over all training images, if the options ask for it."""

    def __init__(self, items: Items, options: TrainingOptions, stop: StopRequest, ending: Ending) -> None:
        self._items, self._options, self._stop, self._ending = items, options, stop, ending

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        # in this hook the network is still on its device; Lightning moves it to the CPU afterwards
        self._ending.warnings += pl_module.processes.first(
            lambda: finalize(pl_module.net, self._items, self._options, self._stop, pl_module.device)
        )
        # its running averages are those of its own mini-batches, and now perhaps of all images
        pl_module.processes.send(pl_module.net.buffers())
