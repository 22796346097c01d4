"""The limit of gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer

from layergraph.training.options import ThresholdMethod


@torch.no_grad()
def limit_gradients(optimizer: Optimizer, threshold: float, method: ThresholdMethod) -> None:
    """Add the L2 terms to the gradients, and then limit these.

    Args:
        optimizer: each parameter group has its factor ``l2_regularization``.
        threshold: the largest norm, or absolute value.
        method: ``"l2norm"`` scales the gradient of each parameter with a larger norm to this norm;
            ``"global-l2norm"`` scales all gradients by one factor, if their joint norm is larger;
            ``"absolute-value"`` cuts each number.

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.
    """
    gradients: list[Tensor] = []
    for group in optimizer.param_groups:
        pairs = [(weight, weight.grad) for weight in group["params"] if weight.grad is not None]
        own = [gradient for _, gradient in pairs]
        if own and group["l2_regularization"]:
            # before the limit, so that it holds for all that the solver gets
            torch._foreach_add_(own, [weight for weight, _ in pairs], alpha=group["l2_regularization"])
        gradients += own
    if not gradients:
        return
    if method == "absolute-value":
        torch._foreach_clamp_max_(gradients, threshold)
        torch._foreach_clamp_min_(gradients, -threshold)
    elif method == "global-l2norm":
        torch._foreach_mul_(gradients, _factor(get_total_norm(gradients), threshold))
    else:
        norms: Any = torch._foreach_norm(gradients)
        torch._foreach_mul_(gradients, [_factor(norm, threshold) for norm in norms])


def _factor(norm: Tensor, threshold: float) -> Tensor:
    # no read of the norm, which would wait for the GPU; a norm of 0 gives infinity, and so 1
    return (threshold / norm).clamp(max=1.0)
