"""The loss of a mini-batch whose items are divided among several processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, distributed

from layergraph.errors import DataError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.network.network import Network
from layergraph.training.batch_metric import right_and_labeled, squared_error
from layergraph.training.batches.batch import Batch
from layergraph.training.processes.processes import Processes
from layergraph.training.series import Metric


class JointLoss:
    """Loss and metric of the joint mini-batch, from the items of this process and the others.

    1. The loss of an output layer is a mean over labeled pixels, images with labels or observations. Its
       module counts these (``num_terms``), so that a process with more of them weighs more.
    2. A function of the user may be any function of all items. Each process gets the scores and targets of
       the others for it, and the gradient of its own scores.

    The result has the value of the joint loss, the same in all processes. Its gradient is that of the share
    of this process, times the number of processes: DDP averages the gradients, and their sum is that of the
    joint loss.
    """

    def __init__(self, net: Network, lgraph: LayerGraph, metric: Metric, processes: Processes) -> None:
        self._layers: list[Any] = [lgraph[name] for name in lgraph.output_names]
        self._modules: list[Any] = [net.layer_module(layer.name) for layer in self._layers]
        self._metric, self._processes = metric, processes

    def __call__(
        self, scores: Sequence[Tensor], batch: Batch
    ) -> tuple[Tensor, tuple[Tensor, ...], Tensor, Tensor]:
        """The loss, that of each output layer, the metric, and whether loss and images are finite.

        Args:
            scores: the input of each loss, of the items of this process.
            batch: these items.
        """
        losses, rows = [], []
        for layer, module, score, target in zip(
            self._layers, self._modules, scores, batch.targets, strict=True
        ):
            if hasattr(module, "num_terms"):
                loss, count = module.loss(score, target), module.num_terms(target)
            else:
                loss, count = self._function_loss(module, score, target), 1
            losses.append(loss)
            rows += [loss.detach() * count, count, *_metric_terms(layer, module, score.detach(), target)]
        # one transfer; float64 counts pixels exactly
        device = losses[0].device
        values = [*rows, ~batch.has_finite_images()]
        numbers = torch.stack([torch.as_tensor(value, device=device).double() for value in values])
        # a copy, since the numbers become those of all processes
        own = numbers[1:-1:4].clone()
        distributed.all_reduce(numbers)
        sums, counts, right, labeled = numbers[:-1].view(-1, 4).unbind(1)
        counts = counts.clamp(min=1)  # of a mini-batch without any label
        joint = (sums / counts).to(losses[0].dtype)
        value = joint.sum()
        share = losses[0].new_zeros(())
        for loss, module, weight in zip(losses, self._modules, own / counts, strict=True):
            share = share + (loss * weight.to(loss.dtype) if hasattr(module, "num_terms") else loss)
        share = share * self._processes.count
        # the difference is exactly 0, so that the value is the same in all processes, as line searches need
        return (
            value + (share - share.detach()),
            joint.unbind(),
            self._joint_metric(right, labeled).to(torch.get_default_dtype()),
            value.isfinite() & (numbers[-1] == 0),
        )

    def _joint_metric(self, right: Tensor, labeled: Tensor) -> Tensor:
        if self._metric == "RMSE":
            return (right / labeled).sum().sqrt()
        has_classes = [getattr(layer, "per_pixel", None) is not None for layer in self._layers]
        return (100 * right / labeled)[has_classes].nanmean()

    def _function_loss(self, module: Any, scores: Tensor, target: Tensor) -> Tensor:
        shapes = self._processes.share(lambda: (tuple(scores.shape), tuple(target.shape)))
        if len({(score[1:], truth[1:]) for score, truth in shapes}) > 1:
            raise DataError(
                "train_network: the images of a mini-batch must have one size for a loss that is a function, "
                f"got scores of {' and '.join(str(score) for score, _ in shapes)}"
            )
        sizes = [score[0] for score, _ in shapes]
        joint: Callable[[Tensor], Tensor] = lambda own: _joined(own, sizes, self._processes.rank)  # noqa: E731
        loss: Tensor = module.loss(joint(scores), joint(target))
        return loss


def _metric_terms(layer: Any, module: Any, scores: Tensor, target: Tensor) -> tuple[Any, Any]:
    """Right and labeled pixels (or observations); for a regression, squared error and observations."""
    if getattr(layer, "per_pixel", None) is not None:
        return right_and_labeled(scores, target, layer.unlabeled)
    error = squared_error(scores, target, from_logits=getattr(module, "from_logits", False))
    return error * len(scores), len(scores)


def _joined(own: Tensor, sizes: Sequence[int], rank: int) -> Tensor:
    """The items of all processes in their order; those of this one keep their gradient."""
    # processes may differ by one item, and all must send as many
    padded = own.new_zeros(max(sizes), *own.shape[1:])
    padded[: len(own)] = own.detach()
    parts = [torch.empty_like(padded) for _ in sizes]
    distributed.all_gather(parts, padded)
    parts = [part[:size] for part, size in zip(parts, sizes, strict=True)]
    parts[rank] = own
    return torch.cat(parts)
