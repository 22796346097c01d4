"""Modules of output layers whose loss is the overlap of regions, per image and class."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from layergraph.modules.losses import ClassLoss

_EPSILON = 1e-8  # of MATLAB's example


class Regions(NamedTuple):
    """Probabilities and truth (batch, classes, pixels) of labeled pixels (batch, 1, pixels)."""

    probabilities: Tensor
    truth: Tensor
    labeled: Tensor

    def overlaps(self) -> Tensor:
        """The sum of the scores of the true pixels of each class, (batch, classes)."""
        return torch.where(self.truth, self.probabilities, 0).sum(2)

    def counts(self) -> Tensor:
        """The number of true pixels of each class, (batch, classes)."""
        return self.truth.sum(2).to(self.probabilities.dtype)

    def mean(self, losses: Tensor) -> Tensor:
        """The mean of a loss per image over the images with labeled pixels."""
        has_labels = self.labeled.any(2).squeeze(1)
        return torch.where(has_labels, losses, 0).sum() / has_labels.sum().clamp(min=1)


class OverlapLoss(ClassLoss):
    """The base of losses of overlaps."""

    def num_terms(self, target: Tensor) -> Tensor:
        """The number of images with labeled pixels, over which the loss is a mean."""
        return (target != self.unlabeled).flatten(1).any(1).sum()

    def regions(self, scores: Tensor, target: Tensor) -> Regions:
        """Scores and target as probabilities and truth, checked."""
        self.check(scores, target)
        dtype = torch.promote_types(scores.dtype, torch.float32)
        probabilities = scores.softmax(dim=1, dtype=dtype) if self.from_logits else scores.to(dtype)
        target = target.long()
        labeled = (target != self.unlabeled).unsqueeze(1)
        truth = torch.zeros(scores.shape, dtype=torch.bool, device=scores.device)
        try:
            # scatter checks the indices, on a GPU too, where a comparison would hide wrong ones
            truth.scatter_(1, torch.where(labeled, target.unsqueeze(1), 0), labeled)
        except (RuntimeError, IndexError):
            raise self.wrong_index(target, scores.shape[1]) from None
        return Regions(probabilities.flatten(2), truth.flatten(2), labeled.flatten(2))


class GeneralizedDice(OverlapLoss):
    """The generalized Dice loss, with the inverse squared size of each class as its weight."""

    def loss(self, scores: Tensor, target: Tensor) -> Tensor:
        regions = self.regions(scores, target)
        counts = regions.counts()
        # a class that the image does not have would have an infinite weight
        weights = torch.where(counts > 0, counts.clamp(min=1).square().reciprocal(), 0)
        squares = torch.where(regions.labeled, regions.probabilities.square(), 0).sum(2)
        numerator = 2 * (weights * regions.overlaps()).sum(1)
        denominator = (weights * (squares + counts)).sum(1)
        # without labels both are 0, and a fraction would be NaN
        denominator = torch.where(denominator > 0, denominator, 1)
        return regions.mean(1 - numerator / denominator)


class Tversky(OverlapLoss):
    """The Tversky loss; ``alpha`` weighs false positives and ``beta`` false negatives."""

    def __init__(self, layer: str, alpha: float, beta: float, *, unlabeled: int) -> None:
        super().__init__(layer, unlabeled=unlabeled)
        self.alpha, self.beta = alpha, beta

    def loss(self, scores: Tensor, target: Tensor) -> Tensor:
        regions = self.regions(scores, target)
        overlaps = regions.overlaps()
        false_positives = torch.where(regions.labeled, regions.probabilities, 0).sum(2) - overlaps
        false_negatives = regions.counts() - overlaps
        wrong = self.alpha * false_positives + self.beta * false_negatives
        # in float32 the difference of two sums may be a little below 0
        total = (overlaps + wrong).clamp(min=0) + _EPSILON
        return regions.mean((1 - (overlaps + _EPSILON) / total).sum(1))
