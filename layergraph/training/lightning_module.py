"""The LightningModule around a network: its loss, its optimizer, and the metrics of each iteration."""

from __future__ import annotations

import torch
from lightning import LightningModule
from torch import Tensor
from torch.optim import Optimizer

from layergraph.graph.layer_graph import LayerGraph
from layergraph.labels import UNLABELED
from layergraph.network.network import Network
from layergraph.training.optimization.solvers import make_solver
from layergraph.training.options import TrainingOptions
from layergraph.training.series import Metric, Series


class TrainingModule(LightningModule):
    """Trains ``net``. ``series`` has the losses and metrics of all iterations.

    Their values are not read here, since a read waits for the GPU. ``finite`` is whether the loss and the
    images of the last iteration are finite (the loss alone omits a NaN where no pixel is labeled).
    """

    finite: Tensor

    def __init__(self, net: Network, lgraph: LayerGraph, options: TrainingOptions, metric: Metric) -> None:
        super().__init__()
        self.net = net
        self.series = Series()
        self._measures: list[tuple[Tensor, Tensor]] = []  # loss and metric of each mini-batch
        self._lgraph, self._options = lgraph, options
        output = lgraph[lgraph.output_names[0]]
        self._unlabeled: int = getattr(output, "unlabeled", UNLABELED)
        self._metric = metric
        self._dtype = dtype_of(net)

    def configure_optimizers(self) -> Optimizer:
        return make_solver(self.net, self._lgraph, self._options)

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, target = batch
        # converted here, on the device, so that 8-bit images are transferred as bytes
        loss, (scores,) = self.net.loss_and_scores(images.to(self._dtype), target)
        detached = loss.detach()
        finite = detached.isfinite()
        if images.is_floating_point():
            finite &= images.isfinite().all()
        # of all mini-batches of the iteration
        self.finite = finite & self.finite if self._measures else finite
        if self._metric == "RMSE":
            metric = (2 * detached).sqrt()  # the loss is half the squared error
        else:
            metric = accuracy(scores.detach(), target, self._unlabeled)
        self._measures.append((detached, metric))
        return loss

    def take_measures(self) -> tuple[Tensor, Tensor]:
        """Loss and metric of the iteration that ends: the means over its mini-batches."""
        measures, self._measures = self._measures, []
        if len(measures) == 1:
            return measures[0]
        losses, metrics = zip(*measures, strict=True)
        # a mini-batch without labels has no accuracy
        return torch.stack(losses).mean(), torch.stack(metrics).nanmean()

    @property
    def learn_rate(self) -> float:
        """The base learning rate of the next step, without the factors of layers."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, Optimizer)
        group = optimizer.param_groups[0]
        return float(group["lr"] / group["learn_rate_factor"])


def dtype_of(net: Network) -> torch.dtype:
    """The dtype of a network: that of its first floating-point tensor."""
    return next((t.dtype for t in net.state_dict().values() if t.is_floating_point()), torch.float32)


def accuracy(scores: Tensor, target: Tensor, unlabeled: int) -> Tensor:
    """Percent of labeled pixels (or observations) with the highest score at their class; NaN without any.

    Args:
        scores: (batch, classes, height, width); of observations (batch, classes), or with trailing 1 axes.
        target: class indices (batch, height, width) or (batch,).

    >>> import torch
    >>> accuracy(torch.tensor([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]]), torch.tensor([1, 0, 255]), 255)
    tensor(50.)
    """
    # view removes the trailing 1 axes that the scores of observations may have
    predicted = scores.argmax(dim=1).view(target.shape)
    # no class has the value of unlabeled pixels, so that they never count as equal
    return 100 * (predicted == target).sum() / (target != unlabeled).sum()
