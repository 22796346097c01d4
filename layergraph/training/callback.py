"""The callback of a training: log, end and finalization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lightning import Callback, LightningModule, Trainer

from layergraph.training.batches.items import Items
from layergraph.training.batches.mini_batches import MiniBatches
from layergraph.training.divergence import Divergence, FiniteLoss
from layergraph.training.info import StopReason
from layergraph.training.interrupts import StopRequest
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.monitor.log import TrainingLog
from layergraph.training.options import TrainingOptions
from layergraph.training.statistics.finalization import finalize


class TrainingCallback(Callback):
    """Prints the log after iterations, ends the training at a signal or an infinite loss, and finalizes it.

    ``warnings`` has a sentence for each difference between the result and the options.
    """

    def __init__(
        self,
        items: Items,
        options: TrainingOptions,
        batches: MiniBatches,
        log: TrainingLog,
        advance: Callable[[], object],
        stop: StopRequest,
    ) -> None:
        self._items, self._options, self._batches = items, options, batches
        self._log, self._advance, self._stop = log, advance, stop
        self._printed = 0
        self._divergence: Divergence | None = None
        self.warnings: list[str] = []

    @property
    def reason(self) -> StopReason:
        """Why training ended."""
        if self._divergence is not None:
            return "Loss is not finite."
        reasons: dict[str, StopReason] = {
            "SIGINT": "Stopped manually.",
            "SIGTERM": "Stopped by SIGTERM.",
            "SIGHUP": "Stopped by SIGHUP.",
        }
        return "Max epochs completed." if self._stop.received is None else reasons[self._stop.received.name]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        pl_module.series.start()
        self._stop.install_again()  # Lightning replaces the handler of SIGTERM at its start
        # from here on a signal ends the training and not the process
        self._stop.has_result = True
        self._guard = FiniteLoss(pl_module.net, self._items)
        self._log.print_head()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._guard.copy_network(trainer.global_step + 1)  # iterations count from 1, as in the log

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, TrainingModule)
        self._advance()
        pl_module.series.add(
            pl_module.loss,
            pl_module.metric,
            learn_rate=self._options.learn_rate,
            epoch=trainer.current_epoch + 1,
        )
        iteration = trainer.global_step
        divergence = self._guard.check(iteration, self._batches.batch(iteration), pl_module.finite)
        if divergence is None and (iteration == 1 or iteration % self._options.verbose_frequency == 0):
            self._row(iteration, pl_module)
        self._divergence = divergence
        if divergence is not None or self._stop.received is not None:
            trainer.should_stop = True

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # not at the first mini-batch: one without labels is no fault
        self._items.check_labels()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        # the check of the last iteration may be pending on a GPU
        self._divergence = self._divergence or self._guard.check_pending()
        if self._divergence is not None:
            self.warnings.append(self._divergence.text)
            # on a GPU, the iteration after the divergent one runs before this is known
            pl_module.series.truncate(self._divergence.iteration)
        if len(pl_module.series) > self._printed:
            self._row(len(pl_module.series), pl_module)
        # in this hook the network is still on its device; Lightning moves it to the CPU afterwards
        self.warnings += finalize(pl_module.net, self._items, self._options, self._stop, pl_module.device)

    def _row(self, iteration: int, module: TrainingModule) -> None:
        # this read waits for the GPU, so that only printed rows pay for it
        row = module.series.row(iteration)
        self._log.print_row(row)
        self._printed = iteration
