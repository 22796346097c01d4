"""Modules of output layers: they pass the scores on, and make a loss of scores and target."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.errors import DataError


class CrossEntropy(nn.Module):
    """Mean cross-entropy over the labelled pixels; class weights multiply and are not renormalized.

    The mean is over the number of labelled pixels, where ``nn.CrossEntropyLoss`` would divide by their
    summed weights. ``from_logits`` says that the loss is given the scores before the softmax.
    """

    weight: Tensor | None
    from_logits: bool = False

    def __init__(self, weights: Sequence[float] | None, *, unlabelled: int, per_pixel: bool) -> None:
        super().__init__()
        self.unlabelled, self.per_pixel = unlabelled, per_pixel
        # the weights belong to the architecture, so they are not saved with the parameters
        values = None if weights is None else torch.tensor(weights)
        self.register_buffer("weight", values, persistent=False)

    def forward(self, scores: Tensor) -> Tensor:
        return scores if self.per_pixel else scores.flatten(1)

    def loss(self, scores: Tensor, target: Tensor) -> Tensor:
        scores = self(scores)
        if target.shape != (scores.shape[0], *scores.shape[2:]):
            raise DataError(
                f"targets are class indices of shape {(scores.shape[0], *scores.shape[2:])} for scores of "
                f"shape {tuple(scores.shape)}, got {tuple(target.shape)}"
            )
        if self.from_logits:
            logs = F.log_softmax(scores, dim=1)
        else:
            logs = scores.clamp(min=torch.finfo(scores.dtype).eps).log()
        target = target.long()
        total = F.nll_loss(logs, target, self.weight, ignore_index=self.unlabelled, reduction="sum")
        return total / (target != self.unlabelled).sum().clamp(min=1)


class HalfMeanSquaredError(nn.Module):
    """Half the squared error, summed over an observation, averaged over observations."""

    from_logits: bool = False

    def forward(self, prediction: Tensor) -> Tensor:
        return prediction

    def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        if target.shape != prediction.shape:
            raise DataError(
                f"the target of a regression has the shape of the output, {tuple(prediction.shape)}, "
                f"got {tuple(target.shape)}"
            )
        if self.from_logits:
            prediction = prediction.softmax(dim=1)
        return 0.5 * F.mse_loss(prediction, target, reduction="sum") / prediction.shape[0]
