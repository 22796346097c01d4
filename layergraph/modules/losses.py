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
from layergraph.labels import ROUNDING
from layergraph.wording import dtype_name, quoted


class ClassLoss(nn.Module):
    """The base of losses with classes: checks of scores and targets, and their logarithms.

    Args:
        layer: the name of the output layer, for messages.
        unlabeled: the class index that never counts.
        per_pixel: whether each pixel has a class, or each observation.

    Attributes:
        from_logits: the loss gets the scores before the softmax.
        checked: the scores may not be probabilities, so that each loss reads them, and waits for the GPU.
    """

    from_logits: bool = False
    checked: bool = False

    def __init__(self, layer: str, *, unlabeled: int, per_pixel: bool = True) -> None:
        super().__init__()
        self.layer, self.unlabeled, self.per_pixel = layer, unlabeled, per_pixel

    def forward(self, scores: Tensor) -> Tensor:
        return scores if self.per_pixel else scores.flatten(1)

    def logarithms(self, scores: Tensor) -> Tensor:
        """The logarithms of the probabilities, in at least float32."""
        dtype = torch.promote_types(scores.dtype, torch.float32)
        if self.from_logits:
            return F.log_softmax(scores, dim=1, dtype=dtype)
        return scores.clamp(min=torch.finfo(dtype).eps).to(dtype).log()

    def num_terms(self, target: Tensor) -> Tensor:
        """The number of labeled pixels or observations, over which the loss is a mean."""
        if target.is_floating_point():  # probabilities
            return (~_has_no_class(target)).sum()
        return (target != self.unlabeled).sum()

    def wrong_index(self, target: Tensor, classes: int) -> DataError:
        """The error for a target with an index that no class has."""
        wrong = target[((target < 0) | (target >= classes)) & (target != self.unlabeled)]
        return DataError(
            f"layer {quoted(self.layer)}: class indices of the target must be 0 to {classes - 1}, one "
            f"for each of the {classes} classes, or {self.unlabeled} where unlabeled, got {int(wrong[0])}"
        )

    def check(self, scores: Tensor, target: Tensor) -> None:
        """Raise ``DataError`` for targets of another shape or kind, or scores that are no probabilities."""
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
        self.check_scores(scores)

    def check_scores(self, scores: Tensor) -> None:
        """Raise ``DataError`` for scores that are no probabilities."""
        if self.checked and scores.numel() and not torch.compiler.is_compiling():
            low, high = scores.detach().aminmax()
            if low < -ROUNDING or high > 1 + ROUNDING:
                raise DataError(
                    f"layer {quoted(self.layer)}: the scores must be probabilities from 0 to 1, got numbers "
                    f"from {float(low):.4g} to {float(high):.4g}; put a SoftmaxLayer before the layer"
                )


class CrossEntropy(ClassLoss):
    """Mean cross-entropy over the labeled pixels.

    The weighted sum is divided by the number of labeled pixels, where ``nn.CrossEntropyLoss`` divides by
    the sum of their weights. A target is class indices, or probabilities of the shape of the scores.

    Args:
        weights: one weight per class.
    """

    weight: Tensor | None

    def __init__(
        self, layer: str, weights: Sequence[float] | None, *, unlabeled: int, per_pixel: bool
    ) -> None:
        super().__init__(layer, unlabeled=unlabeled, per_pixel=per_pixel)
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

    def loss(self, scores: Tensor, target: Tensor) -> Tensor:
        scores = self(scores)
        if target.shape == scores.shape and not target.is_complex():
            return self._loss_of_probabilities(scores, target)
        self.check(scores, target)
        logs = self.logarithms(scores)
        weight = None if self.weight is None else self.weight.to(logs.dtype)
        target = target.long()
        try:
            total = F.nll_loss(logs, target, weight, ignore_index=self.unlabeled, reduction="sum")
        except IndexError:
            # torch checks indices while it sums; a check before it would cost a pass over the target
            raise self.wrong_index(target, scores.shape[1]) from None
        return total / self.num_terms(target).clamp(min=1)

    def _loss_of_probabilities(self, scores: Tensor, target: Tensor) -> Tensor:
        """The loss for a target of the shape of the scores; all 0 or NaN over the classes is unlabeled."""
        self.check_scores(scores)
        logs = self.logarithms(scores)
        target = target.to(logs.dtype)
        sums = target.sum(1, keepdim=True)
        without = _has_no_class(target)
        right = without | ((target >= 0).all(1, keepdim=True) & ((sums - 1).abs() <= ROUNDING))
        # before the product: an unlabeled NaN would reach the gradients
        losses = torch.where(without, 0, target) * logs
        if self.weight is not None:
            losses = losses * self.weight.to(logs.dtype).view(-1, *[1] * (losses.ndim - 2))
        total = -losses.sum() / (~without).sum().clamp(min=1)
        if target.device.type == "cpu" and not torch.compiler.is_compiling():
            if not right.all():
                wrong = target.movedim(1, -1)[~right.squeeze(1)][0, :4].tolist()
                raise DataError(
                    f"layer {quoted(self.layer)}: the target must be probabilities of at least 0 with the "
                    "sum 1 over the classes, or all 0 or NaN where unlabeled, got "
                    f"{', '.join(f'{number:.4g}' for number in wrong)}"
                )
            return total
        # a read would wait for the GPU; NaN ends a training
        return torch.where(right.all(), total, torch.nan)


def _has_no_class(target: Tensor) -> Tensor:
    """Where probabilities are all 0 or NaN over the classes."""
    return (target == 0).all(1, keepdim=True) | target.isnan().all(1, keepdim=True)


class Focal(ClassLoss):
    """The mean of -alpha (1 - p)^gamma ln(p) over the labeled pixels, p the score of the true class."""

    def __init__(self, layer: str, alpha: float, gamma: float, *, unlabeled: int) -> None:
        super().__init__(layer, unlabeled=unlabeled)
        self.alpha, self.gamma = alpha, gamma

    def loss(self, scores: Tensor, target: Tensor) -> Tensor:
        self.check(scores, target)
        logs = self.logarithms(scores)
        target = target.long()
        try:
            # -ln(p); 0 for unlabeled pixels, whose loss and gradient are 0 then
            losses = F.nll_loss(logs, target, ignore_index=self.unlabeled, reduction="none")
        except IndexError:
            raise self.wrong_index(target, scores.shape[1]) from None
        # 1 - p without cancellation where p is near 1; a base of 0 would have an infinite gradient
        others = (-torch.expm1(-losses)).clamp(min=torch.finfo(losses.dtype).tiny)
        total = (others.pow(self.gamma) * losses).sum()
        return self.alpha * total / self.num_terms(target).clamp(min=1)


class HalfMeanSquaredError(nn.Module):
    """Half the squared error, summed over each observation and averaged over the observations.

    Attributes:
        from_logits: the loss gets the scores before the softmax.
    """

    from_logits: bool = False

    def forward(self, prediction: Tensor) -> Tensor:
        return prediction

    def num_terms(self, target: Tensor) -> int:
        """The number of observations, over which the loss is a mean."""
        return target.shape[0]

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


class FunctionLoss(nn.Module):
    """A loss of one's own: a function of scores and target.

    Args:
        layer: the name of the output layer, for messages.
        function: returns a scalar tensor.
        per_pixel: whether each pixel has a class, or each observation; ``None``: the target is a tensor
            like the scores.
    """

    def __init__(
        self, layer: str, function: Callable[[Tensor, Tensor], Tensor], *, per_pixel: bool | None
    ) -> None:
        super().__init__()
        self.layer, self.function, self.per_pixel = layer, function, per_pixel

    def forward(self, scores: Tensor) -> Tensor:
        return scores

    def loss(self, scores: Tensor, target: Tensor) -> Tensor:
        shapes = {
            True: (scores.shape[0], *scores.shape[2:]),
            False: (scores.shape[0],),
            None: tuple(scores.shape),
        }
        # most functions of torch would broadcast a target of another shape without an error
        if target.shape != shapes[self.per_pixel]:
            raise DataError(
                f"layer {quoted(self.layer)}: the target must have the shape {shapes[self.per_pixel]} for "
                f"scores of shape {tuple(scores.shape)}, got {tuple(target.shape)}"
            )
        dtype = torch.promote_types(scores.dtype, torch.float32)
        target = target.to(dtype) if self.per_pixel is None else target.long()
        result = self.function(scores.to(dtype), target)
        if not isinstance(result, Tensor) or result.numel() != 1:
            got = f"of shape {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
            raise DataError(
                f"layer {quoted(self.layer)}: the loss must be a tensor of one number, got {got}; return its "
                "mean or sum"
            )
        return result.reshape(())
