"""Loss and metric over a whole set of items, from its mini-batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from layergraph.graph.layer_graph import LayerGraph
from layergraph.labels import UNLABELED
from layergraph.network.network import Network
from layergraph.training.batch_metric import right_and_labeled, squared_error
from layergraph.training.series import Metric


class ValidationTotals:
    """Adds up mini-batches of any sizes: each labeled pixel (or observation) counts the same.

    1. The loss of an output layer is the mean over all labeled pixels or observations; for a loss that is no
       mean over these, such as Dice, it is the mean over the mini-batches, weighted by these.
    2. The accuracy of an output layer is that of all its labeled pixels or observations; several output
       layers give the mean of theirs.
    3. RMSE is the root of the squared error, summed over each observation and averaged over all of them.
    """

    def __init__(self, net: Network, lgraph: LayerGraph, metric: Metric) -> None:
        self._net, self._metric = net, metric
        self._layers: list[Any] = [lgraph[name] for name in lgraph.output_names]
        # per output layer: loss, count, right and squared error of each mini-batch, on their device
        self._rows: list[list[Tensor]] = [[] for _ in self._layers]

    @torch.no_grad()
    def add(self, scores: Sequence[Tensor], targets: Sequence[Tensor]) -> None:
        """Add a mini-batch: the scores of each output layer before its loss, and the targets."""
        for layer, row, score, target in zip(self._layers, self._rows, scores, targets, strict=True):
            module: Any = self._net.layer_module(layer.name)
            loss = module.loss(score, target)
            right, error = loss.new_zeros(()), loss.new_zeros(())
            if getattr(layer, "per_pixel", None) is None:
                count = torch.as_tensor(len(score), device=loss.device)
                error = squared_error(score, target, from_logits=getattr(module, "from_logits", False))
            else:
                right, count = right_and_labeled(score, target, getattr(layer, "unlabeled", UNLABELED))
            # float64 is missing on some devices, and float32 counts only up to 2^24
            row += [loss.float(), count.long(), right.long(), error.float()]

    def rows(self) -> list[list[Tensor]]:
        """What is added so far, on the CPU, for :meth:`add_rows` in another process."""
        rows = []
        for row in self._rows:
            # float64 holds the counts exactly, and one transfer per column is enough
            columns = [torch.stack(row[start::4]).cpu().double() for start in range(4)] if row else []
            rows.append([number for numbers in zip(*columns, strict=True) for number in numbers])
        return rows

    def add_rows(self, rows: Sequence[Sequence[Tensor]]) -> None:
        """Add the mini-batches of :meth:`rows`."""
        for own, row in zip(self._rows, rows, strict=True):
            own += row

    def results(self) -> tuple[float, float]:
        """The loss, summed over the output layers, and the metric; NaN where nothing has a label.

        All is added by :meth:`add_rows`.
        """
        total, errors, accuracies = 0.0, 0.0, []
        for layer, row in zip(self._layers, self._rows, strict=True):
            losses, counts, rights, squares = (
                torch.stack(row[start::4]).double() if row else torch.zeros(0).double() for start in range(4)
            )
            labeled = counts > 0  # the loss of a mini-batch without labels may be NaN
            count = float(counts.sum())
            total += float((losses * counts)[labeled].sum()) / count if count else math.nan
            if getattr(layer, "per_pixel", None) is None:
                errors += float((squares * counts).sum()) / count if count else math.nan
            elif count:
                accuracies.append(100 * float(rights.sum()) / count)
        if self._metric == "RMSE":
            return total, math.sqrt(errors)
        return total, sum(accuracies) / len(accuracies) if accuracies else math.nan
