"""The metric of a mini-batch: the accuracy of its classes, or the error of a regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layergraph.graph.layer_graph import LayerGraph
from layergraph.labels import UNLABELED
from layergraph.network.network import Network
from layergraph.training.series import Metric


class BatchMetric:
    """The metric of a mini-batch from the scores and targets of all output layers.

    ``"Accuracy"`` is the mean over the output layers that have classes, where their targets have labels.
    ``"RMSE"`` is the root of the squared error, summed over each observation and all output layers and
    averaged over the observations.
    """

    def __init__(self, net: Network, lgraph: LayerGraph, metric: Metric) -> None:
        self._metric = metric
        layers: list[Any] = [lgraph[name] for name in lgraph.output_names]
        self._has_classes = [getattr(layer, "per_pixel", None) is not None for layer in layers]
        self._unlabeled: list[int] = [getattr(layer, "unlabeled", UNLABELED) for layer in layers]
        # such a loss takes the scores before the softmax, which are no prediction
        self._from_logits = [getattr(net.layer_module(layer.name), "from_logits", False) for layer in layers]

    @torch.no_grad()
    def __call__(self, scores: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
        if self._metric == "Accuracy":
            rows = zip(scores, targets, self._unlabeled, self._has_classes, strict=True)
            values = [accuracy(x, t, unlabeled) for x, t, unlabeled, has_classes in rows if has_classes]
            return values[0] if len(values) == 1 else torch.stack(values).nanmean()
        outputs = zip(scores, targets, self._from_logits, strict=True)
        errors = [squared_error(x, t, from_logits=from_logits) for x, t, from_logits in outputs]
        return torch.stack(errors).sum().sqrt()


def accuracy(scores: Tensor, target: Tensor, unlabeled: int) -> Tensor:
    """Percent of labeled pixels (or observations) with the highest score at their class; NaN without any.

    Args:
        scores: (batch, classes, height, width); of observations (batch, classes), or with trailing 1 axes.
        target: class indices (batch, height, width) or (batch,); or probabilities of the shape of the
            scores, whose highest is the class, all 0 where unlabeled.

    >>> import torch
    >>> accuracy(torch.tensor([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]]), torch.tensor([1, 0, 255]), 255)
    tensor(50.)
    """
    right, labeled = right_and_labeled(scores, target, unlabeled)
    return 100 * right / labeled


def right_and_labeled(scores: Tensor, target: Tensor, unlabeled: int) -> tuple[Tensor, Tensor]:
    """The number of pixels (or observations) with the highest score at their class, and of the labeled ones.

    Arguments are those of :func:`accuracy`.
    """
    if target.is_floating_point():
        target = torch.where(target.sum(dim=1) > 0, target.max(dim=1).indices, unlabeled)
    # max and not argmax, which takes up to 15 times as long on the CPU: both return the first of equal scores
    predicted = scores.max(dim=1).indices
    # view removes the trailing 1 axes that the scores of observations may have
    predicted = predicted.view(target.shape)
    # no class has the value of unlabeled pixels, so that they never count as equal
    return (predicted == target).sum(), (target != unlabeled).sum()


def squared_error(prediction: Tensor, target: Tensor, *, from_logits: bool = False) -> Tensor:
    """The squared error, summed over each observation and averaged over the observations.

    ``from_logits`` is whether the prediction comes before its softmax.

    >>> squared_error(torch.zeros(2, 3), torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]))
    tensor(3.)
    """
    if from_logits:
        prediction = prediction.softmax(dim=1)
    # in at least float32: a sum over an image exceeds the range of float16
    dtype = torch.promote_types(prediction.dtype, torch.float32)
    return (prediction.to(dtype) - target.to(dtype)).square().sum() / prediction.shape[0]
