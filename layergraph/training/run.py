"""The training run on Lightning."""

from __future__ import annotations

import logging
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from layergraph.network import Network
from layergraph.progress import progress
from layergraph.training.batches import MiniBatches, even_batches
from layergraph.training.info import StopReason, TrainingInfo
from layergraph.training.items import Items
from layergraph.training.log import TrainingLog
from layergraph.training.module import TrainingModule
from layergraph.training.options import TrainingOptions
from layergraph.training.solvers import frozen_parameters
from layergraph.training.statistics import finalize_batch_normalization


def run(
    net: Network,
    items: Items,
    options: TrainingOptions,
    log: TrainingLog,
    accelerator: Literal["cpu", "gpu"],
) -> TrainingInfo:
    """Train ``net``, the network of ``items.lgraph``, in place; it comes back on the CPU, in evaluation mode.

    Ctrl-C ends the training after the running iteration; a second one is a ``KeyboardInterrupt``.
    """
    module = TrainingModule(net, items.lgraph, options, items.metric)
    batches = MiniBatches(len(items), options.mini_batch_size, options.shuffle, options.seed)
    frozen = frozen_parameters(net, items.lgraph)
    with (
        _quiet(),
        progress("Training", options.max_epochs * len(batches), shown=options.verbose) as advance,
    ):
        report = _Report(items, options, log, advance)
        trainer = Trainer(
            accelerator=accelerator,
            devices=1,
            max_epochs=options.max_epochs,
            callbacks=[report],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        net.train()
        for parameter in frozen:  # nobody would clear their gradients
            parameter.requires_grad_(False)
        try:
            with _interruptible(trainer):
                trainer.fit(module, _loader(items, batches, accelerator))
        finally:
            for parameter in frozen:
                parameter.requires_grad_(True)
    net.zero_grad()
    net.eval()
    metrics = _numbers(module.metrics)
    reason: StopReason = "Stopped manually." if trainer.should_stop else "Max epochs completed."
    log.finish(reason)
    return TrainingInfo(
        training_loss=_numbers(module.losses),
        training_accuracy=metrics if items.metric == "Accuracy" else None,
        training_rmse=metrics if items.metric == "RMSE" else None,
        base_learn_rate=[options.learn_rate] * len(module.losses),
        stop_reason=reason,
    )


class _Report(Callback):
    """Prints the rows of the log, and finalizes batch normalization while the data is at hand."""

    def __init__(
        self, items: Items, options: TrainingOptions, log: TrainingLog, advance: Callable[[], object]
    ) -> None:
        self._items, self._options, self._log, self._advance = items, options, log, advance
        self._printed = 0
        self._epoch = 1
        self._start = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start = time.monotonic()
        self._log.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._advance()
        self._epoch = trainer.current_epoch + 1
        iteration = trainer.global_step
        if iteration == 1 or iteration % self._options.verbose_frequency == 0:
            self._row(iteration, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step > self._printed:
            self._row(trainer.global_step, pl_module)
        if self._options.batch_normalization_statistics == "population":
            assert isinstance(pl_module, TrainingModule)
            batches = even_batches(len(self._items), self._options.mini_batch_size)
            inputs = (self._items.__getitems__(batch)[0] for batch in batches)
            device = pl_module.device
            finalize_batch_normalization(pl_module.net, (x.to(device).float() for x in inputs))

    def _row(self, iteration: int, module: LightningModule) -> None:
        assert isinstance(module, TrainingModule)
        loss, metric = float(module.losses[-1]), float(module.metrics[-1])
        seconds = time.monotonic() - self._start
        self._log.row(self._epoch, iteration, seconds, metric, loss, self._options.learn_rate)
        self._printed = iteration


def _loader(items: Items, batches: MiniBatches, accelerator: str) -> DataLoader[Any]:
    pinned = accelerator == "gpu" and torch.cuda.is_available()
    return DataLoader(items, batch_sampler=batches, collate_fn=_as_it_is, pin_memory=pinned)


def _as_it_is(batch: Any) -> Any:
    """The items make the mini-batch themselves."""
    return batch


def _numbers(scalars: list[Tensor]) -> list[float]:
    return [float(number) for number in torch.stack(scalars).tolist()] if scalars else []


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's messages, tips, and warnings about what is as it should be."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\.")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _interruptible(trainer: Trainer) -> Iterator[None]:
    """Let the first Ctrl-C stop the trainer after the running iteration, where Ctrl-C is ours to handle."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        trainer.should_stop = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    except SystemExit:  # what Lightning makes of a KeyboardInterrupt
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)
