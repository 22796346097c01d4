"""Stochastic gradient descent with momentum, by MATLAB's rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class Sgdm(Optimizer):
    """Adds a velocity to each weight, which is the sum of its last steps, each decayed by the momentum.

    The step is ``-lr * (gradient + weight_decay * weight)``, so that the rate of a step stays with it. In
    torch's SGD the current rate multiplies all earlier gradients: the two differ after a change of the rate.

    >>> weight = torch.nn.Parameter(torch.zeros(1))
    >>> solver = Sgdm([weight], lr=1.0, momentum=0.5)
    >>> for rate in (1.0, 0.1):
    ...     solver.param_groups[0]["lr"] = rate
    ...     weight.grad = torch.ones(1)
    ...     solver.step()
    >>> weight.item()  # -1, and then half of this step and a tenth of the gradient more
    -1.600000023841858
    """

    def __init__(self, params: Any, lr: float, momentum: float, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change all weights by one step; ``closure`` computes their gradients first."""
        result = None
        if closure is not None:
            with torch.enable_grad():
                result = closure()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            velocities = [self._velocity(weight) for weight in weights]
            # lists, because one call per weight would start one kernel each
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, [weight.grad for weight in weights], alpha=-group["lr"])
            if group["weight_decay"]:
                torch._foreach_add_(velocities, weights, alpha=-group["lr"] * group["weight_decay"])
            torch._foreach_add_(weights, velocities)
        return result

    def _velocity(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if not state:
            state["velocity"] = torch.zeros_like(weight)
        velocity: Tensor = state["velocity"]
        return velocity
