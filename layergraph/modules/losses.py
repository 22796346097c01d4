"""Modules of output layers: they pass on the scores, and compute a loss from scores and target.

Losses are computed in float32 or float64, because a sum over the pixels of an image exceeds the range of
float16.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layergraph.errors import DataError
from layergraph.wording import dtype_name, quoted

_ROUNDING = 0.01  # how far rounding in half precision may take probabilities out of 0 to 1


class CrossEntropy(nn.Module):
    """Mean cross-entropy over the labeled pixels.

    The weighted sum is divided by the number of labeled pixels, where ``nn.CrossEntropyLoss`` divides by
    the sum of their weights.

    Args:
        layer: the name of the output layer, for messages.
        weights: one weight per class.
        unlabeled: the class index that never counts.
        per_pixel: whether each pixel has a class, or each observation.

    Attributes:
        from_logits: the loss gets the scores before the softmax.
        checked: the scores may not be probabilities, so that each loss reads them, and waits for the GPU.
    """

    weight: Tensor | None
    from_logits: bool = False
    checked: bool = False

    def __init__(
        self,
        layer: str,
        weights: Sequence[float] | None,
        *,
        unlabeled: int,
        per_pixel: bool,
    ) -> None:
        super().__init__()
        self.layer, self.unlabeled, self.per_pixel = layer, unlabeled, per_pixel
        self._weights = None if weights is None else tuple(weights)
        # not persistent: the weights belong to the layer, whose file would hold them twice
        values = None if weights is None else torch.tensor(weights)
        self.register_buffer("weight", values, persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> CrossEntropy:
        before = None if self.weight is None else self.weight.dtype
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.weight is not None and self.weight.dtype != before:
            # from the values given: a cast to float64 would keep the rounding of float32
            dtype = torch.promote_types(self.weight.dtype, torch.float32)
            self.weight = torch.tensor(self._weights, dtype=dtype, device=self.weight.device)
        return self

    def forward(self, scores: Tensor) -> Tensor:
        return scores if self.per_pixel else scores.flatten(1)

    def loss(self, scores: Tensor, target: Tensor) -> Tensor:
        scores = self(scores)
        classes, unlabeled = scores.shape[1], self.unlabeled
        self._check(scores, target)
        dtype = torch.promote_types(scores.dtype, torch.float32)
        if self.from_logits:
            logs = F.log_softmax(scores, dim=1, dtype=dtype)
        else:
            logs = scores.clamp(min=torch.finfo(dtype).eps).to(dtype).log()
        weight = None if self.weight is None else self.weight.to(dtype)
        target = target.long()
        try:
            total = F.nll_loss(logs, target, weight, ignore_index=unlabeled, reduction="sum")
        except IndexError:
            # torch checks indices while it sums; a check before it would cost a pass over the target
            wrong = target[((target < 0) | (target >= classes)) & (target != unlabeled)]
            raise DataError(
                f"layer {quoted(self.layer)}: class indices of the target must be 0 to {classes - 1}, one "
                f"for each of the {classes} classes, or {unlabeled} where unlabeled, got {int(wrong[0])}"
            ) from None
        return total / (target != unlabeled).sum().clamp(min=1)

    def _check(self, scores: Tensor, target: Tensor) -> None:
        classes, expected = scores.shape[1], (scores.shape[0], *scores.shape[2:])
        if target.shape != expected:
            raise DataError(
                f"layer {quoted(self.layer)}: the target must be class indices of shape {expected} for "
                f"scores of shape {tuple(scores.shape)}, got {tuple(target.shape)}"
            )
        # a branch on values would end the graph of torch.compile
        can_read = not torch.compiler.is_compiling()
        if target.is_complex() or (
            can_read and target.is_floating_point() and not torch.equal(target, target.trunc())
        ):
            raise DataError(
                f"layer {quoted(self.layer)}: the target must be class indices in integers, got "
                f"fractions in {dtype_name(target.dtype)}; turn soft targets into class indices with argmax"
            )
        if self.per_pixel and target.dtype == torch.uint8 and classes > 255:
            raise DataError(
                f"layer {quoted(self.layer)}: the target for {classes} classes must be class indices of more "
                f"than 8 bits, got uint8, where 255 means unlabeled; convert it: target.long()"
            )
        if can_read and self.checked and scores.numel():
            low, high = scores.detach().aminmax()
            if low < -_ROUNDING or high > 1 + _ROUNDING:
                raise DataError(
                    f"layer {quoted(self.layer)}: the scores must be probabilities from 0 to 1, got numbers "
                    f"from {float(low):.4g} to {float(high):.4g}; put a SoftmaxLayer before the layer"
                )


class HalfMeanSquaredError(nn.Module):
    """Half the squared error, summed over each observation and averaged over the observations.

    Attributes:
        from_logits: the loss gets the scores before the softmax.
    """

    from_logits: bool = False

    def forward(self, prediction: Tensor) -> Tensor:
        return prediction

    def loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        if target.shape != prediction.shape:
            raise DataError(
                f"the target of a regression must have the shape of the output, {tuple(prediction.shape)}, "
                f"got {tuple(target.shape)}"
            )
        dtype = torch.promote_types(prediction.dtype, torch.float32)
        if self.from_logits:
            prediction = prediction.softmax(dim=1)
        return 0.5 * F.mse_loss(prediction.to(dtype), target.to(dtype), reduction="sum") / prediction.shape[0]
