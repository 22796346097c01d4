"""The LightningModule around a network: its loss, its optimizer, and the metrics of each iteration."""

from __future__ import annotations

from functools import reduce
from inspect import signature
from math import inf
from operator import add
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from layergraph.graph.layer_graph import LayerGraph
from layergraph.network.network import Network
from layergraph.training.batch_metric import BatchMetric
from layergraph.training.batches.batch import Batch
from layergraph.training.optimization.gradient_threshold import limit_gradients
from layergraph.training.optimization.rate_scheduler import rate_scheduler, set_rates
from layergraph.training.optimization.solvers import make_solver, regularization
from layergraph.training.options import TrainingOptions
from layergraph.training.processes.joint_loss import JointLoss
from layergraph.training.processes.processes import Processes
from layergraph.training.series import Metric, Series
from layergraph.training.torch_settings import in_order


class TrainingModule(LightningModule):
    """Trains ``net``. ``series`` has the losses and metrics of all iterations.

    Their values are not read here, since a read waits for the GPU. ``finite`` is whether the loss and the
    images of the last iteration are finite (the loss alone omits a NaN where no pixel is labeled).
    """

    finite: Tensor

    def __init__(
        self,
        net: Network,
        lgraph: LayerGraph,
        options: TrainingOptions,
        metric: Metric,
        epoch_length: int,
        processes: Processes | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.series = Series(lgraph.output_names if len(lgraph.output_names) > 1 else ())
        # loss and metric of each mini-batch, and the losses of several output layers
        self._measures: list[tuple[Tensor, ...]] = []
        self._lgraph, self._options, self._epoch_length = lgraph, options, epoch_length
        self._metric = BatchMetric(net, lgraph, metric)
        self.processes = processes or Processes()
        self._joint_loss = JointLoss(net, lgraph, metric, self.processes)
        self.dtype_of_images = dtype_of(net)
        # the network itself stays as it is, so that its weights keep their names
        self._run: Any = torch.compile(net.losses_and_scores) if options.compile else net.losses_and_scores
        self._logits: Any = torch.compile(net.logits) if options.compile else net.logits

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning sets the name of the running hook 40 times per iteration, and nn.Module compares each with
        # the types of parameters, buffers and modules
        if value is None or isinstance(value, str):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def configure_optimizers(self) -> Any:
        optimizer = make_solver(self.net, self._lgraph, self._options)
        scheduler = rate_scheduler(optimizer, self._options, self._epoch_length)
        return optimizer if scheduler is None else {"optimizer": optimizer, "lr_scheduler": scheduler}

    def on_train_start(self) -> None:
        scheduler = self.lr_schedulers()
        if isinstance(scheduler, LambdaLR) and not callable(self._options.learn_rate_schedule):
            set_rates(scheduler)

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        # Lightning calls this after all mini-batches of the iteration, with gradients that are not scaled
        if self._options.gradient_threshold != inf:
            options = self._options
            limit_gradients(optimizer, options.gradient_threshold, options.gradient_threshold_method)

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Optimizer) -> None:
        # as optimizer.zero_grad(), without its record for a profiler
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        # on the CPU it already is, and Lightning would copy its structure
        return (
            batch if device.type == "cpu" else super().transfer_batch_to_device(batch, device, dataloader_idx)
        )

    def training_step(self, batch: Batch) -> Tensor:
        loss, finite, measures = self._measure(batch)
        if self._options.solver == "lbfgs":
            loss = loss + regularization(self._solver).to(loss)
            # the first of the line search is the loss of the iteration; others may overflow without harm
            if self._measures:
                return loss
        # of all mini-batches of the iteration
        self.finite = finite & self.finite if self._measures else finite
        self._measures.append(measures)
        return loss

    # Lightning looks for its arguments at each iteration, and inspect takes long to find them itself
    training_step.__signature__ = signature(training_step)  # type: ignore[attr-defined]

    def _measure(self, batch: Batch) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """The loss, whether loss and images are finite, and the numbers of :meth:`take_measures`.

        With several processes, they are those of the joint mini-batch.
        """
        if self.processes.count > 1:
            outputs = self._logits(*self._images(batch))
            scores = outputs if isinstance(outputs, tuple) else (outputs,)
            loss, losses, metric, finite = self._joint_loss(scores, batch)
        else:
            losses, scores = self._losses_and_scores(batch)
            metric = self._metric([x.detach() for x in scores], batch.targets)
            loss = reduce(add, losses)
            finite = loss.detach().isfinite() & batch.has_finite_images()
        several = (each.detach() for each in losses if len(losses) > 1)
        return loss, finite, (loss.detach(), metric, *several)

    def scores(self, batch: Batch) -> tuple[Tensor, ...]:
        """The input of the loss of each output layer."""
        scores: tuple[Tensor, ...] = self._losses_and_scores(batch)[1]
        return scores

    def _losses_and_scores(self, batch: Batch) -> Any:
        return self._run(self._images(batch), batch.targets)

    def _images(self, batch: Batch) -> list[Tensor]:
        # converted here, on the device, so that 8-bit images are transferred as bytes
        images = [image.to(self.dtype_of_images) for image in batch.images]
        if self._options.channels_last:
            images = [in_order(image) for image in images]
        return images

    @property
    def _solver(self) -> Optimizer:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, Optimizer)
        return optimizer

    def take_measures(self) -> tuple[Tensor, ...]:
        """Loss and metric of the iteration that ends, and the loss of each of several output layers: the
        means over its mini-batches."""
        measures, self._measures = self._measures, []
        if len(measures) == 1:
            return measures[0]
        loss, metric, *losses = (torch.stack(column) for column in zip(*measures, strict=True))
        # a mini-batch without labels has no accuracy
        return loss.mean(), metric.nanmean(), *(each.mean() for each in losses)

    @property
    def learn_rate(self) -> float:
        """The base learning rate of the next step, without the factors of layers."""
        group = self._solver.param_groups[0]
        return float(group["lr"] / group["learn_rate_factor"])


def dtype_of(net: Network) -> torch.dtype:
    """The dtype of a network: that of its first floating-point tensor."""
    return next((t.dtype for t in net.state_dict().values() if t.is_floating_point()), torch.float32)
