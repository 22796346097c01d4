"""The training run on Lightning."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Literal

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader

from layergraph.errors import DataError
from layergraph.graph import LayerGraph
from layergraph.network import Network
from layergraph.progress import progress
from layergraph.training.batches import MiniBatches
from layergraph.training.divergence import Divergence, FiniteLoss
from layergraph.training.finalization import finalize
from layergraph.training.info import StopReason, TrainingInfo
from layergraph.training.interrupts import StopRequest, stop_request
from layergraph.training.items import Items
from layergraph.training.log import TrainingLog
from layergraph.training.module import TrainingModule
from layergraph.training.options import TrainingOptions
from layergraph.training.solvers import frozen_parameters
from layergraph.wording import quoted


def run(
    net: Network,
    items: Items,
    options: TrainingOptions,
    log: TrainingLog,
    accelerator: Literal["cpu", "gpu"],
) -> TrainingInfo:
    """Train ``net``, the network of ``items.lgraph``, in place; it comes back on the CPU, in evaluation mode.

    A signal that ends a process ends the training after the running iteration; a second Ctrl-C is a
    ``KeyboardInterrupt``.
    """
    module = TrainingModule(net, items.lgraph, options, items.metric)
    batches = MiniBatches(len(items), options.mini_batch_size, options.shuffle, options.seed)
    frozen = frozen_parameters(net, items.lgraph)
    with (
        _quiet(),
        stop_request() as stop,
        _one_value_explained(net, items.lgraph) if batches.size == 1 else nullcontext(),
        progress("Training", options.max_epochs * len(batches), shown=options.verbose) as advance,
    ):
        course = _Course(items, options, batches, log, advance, stop)
        trainer = Trainer(
            accelerator=accelerator,
            devices=1,
            max_epochs=options.max_epochs,
            callbacks=[course],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        net.train()
        for parameter in frozen:  # nobody would clear their gradients
            parameter.requires_grad_(False)
        try:
            trainer.fit(module, _loader(items, batches, accelerator))
        except SystemExit as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # Lightning makes it one
                raise KeyboardInterrupt from None
            raise
        finally:
            for parameter in frozen:
                parameter.requires_grad_(True)
    net.zero_grad()
    net.eval()
    losses, metrics = _numbers(module.losses), _numbers(module.metrics)
    reason = course.reason
    log.finish(reason)
    return TrainingInfo(
        training_loss=losses,
        training_accuracy=metrics if items.metric == "Accuracy" else None,
        training_rmse=metrics if items.metric == "RMSE" else None,
        base_learn_rate=[options.learn_rate] * len(losses),
        stop_reason=reason,
        warnings=tuple(course.warnings),
    )


class _Course(Callback):
    """Follows the iterations: prints the rows of the log, ends the training where it must, finalizes it.

    ``warnings`` gets a sentence for each thing that is not as the options ask.
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
        self._epoch = 1
        self._start = 0.0
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
        self._start = time.monotonic()
        self._stop.install_again()  # Lightning takes SIGTERM when it starts
        self._stop.keeping = True
        self._guard = FiniteLoss(pl_module.net, self._items)
        self._log.start()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self._guard.before(trainer.global_step + 1)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, TrainingModule)
        self._advance()
        self._epoch = trainer.current_epoch + 1
        iteration = trainer.global_step
        found = self._guard.after(iteration, self._batches.of_iteration(iteration), pl_module.finite)
        if found is None and (iteration == 1 or iteration % self._options.verbose_frequency == 0):
            self._row(iteration, pl_module)
        self._divergence = found
        if found is not None or self._stop.received is not None:
            trainer.should_stop = True

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        self._divergence = self._divergence or self._guard.at_end()
        if self._divergence is not None:
            self.warnings.append(self._divergence.text)
            del pl_module.losses[self._divergence.iteration :]
            del pl_module.metrics[self._divergence.iteration :]
        if len(pl_module.losses) > self._printed:
            self._row(len(pl_module.losses), pl_module)
        self.warnings += finalize(pl_module.net, self._items, self._options, self._stop, pl_module.device)

    def _row(self, iteration: int, module: TrainingModule) -> None:
        loss, metric = float(module.losses[iteration - 1]), float(module.metrics[iteration - 1])
        seconds = time.monotonic() - self._start
        self._log.row(self._epoch, iteration, seconds, metric, loss, self._options.learn_rate)
        self._printed = iteration


@contextmanager
def _one_value_explained(net: Network, lgraph: LayerGraph) -> Iterator[None]:
    """Name the layer where batch normalization gets a single value per channel, which has no variance."""

    def expect_two(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def check(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if norm.training and inputs[0].numel() == inputs[0].shape[1]:
                raise DataError(
                    f"train_network: batch normalization in layer {quoted(name)} must have two values per "
                    "channel or more in a mini-batch, got a mini-batch of one image, which is 1×1 there; "
                    "train with mini_batch_size=2 or more (and as many images), with larger images, or "
                    "without the layer"
                )

        return check

    hooks = [
        norm.register_forward_pre_hook(expect_two(name))
        for name in lgraph
        for norm in net.layer_module(name).modules()
        if isinstance(norm, _BatchNorm)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


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
