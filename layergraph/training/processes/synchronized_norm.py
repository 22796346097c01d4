"""Batch normalization over the mini-batches of all processes together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def synchronized_norms(net: nn.Module) -> Iterator[None]:
    """Normalize by the mean and variance over all processes in the block, in training mode.

    ``torch.nn.SyncBatchNorm`` does so on GPUs alone, and would replace the modules of the network.
    """
    # another forward is that of a user, or of torch's own synchronized module
    norms = [m for m in net.modules() if isinstance(m, _BatchNorm) and type(m).forward is _BatchNorm.forward]
    for norm in norms:
        norm.forward = MethodType(_forward, norm)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for norm in norms:
            del norm.forward


class _Sum(torch.autograd.Function):
    """The sum over all processes. The loss is one of all, so that its gradient is summed, too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return _Sum.forward(ctx, gradients[0])


def _sum(x: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(x)  # type: ignore[no-untyped-call]
    return total


def _forward(norm: _BatchNorm, x: Tensor) -> Tensor:
    if not norm.training:
        return _BatchNorm.forward(norm, x)
    norm._check_input_dim(x)  # type: ignore[no-untyped-call]
    axes, shape = [0, *range(2, x.dim())], (1, -1, *[1] * (x.dim() - 2))
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    count = wide.new_full((1,), x.numel() // x.shape[1])
    # 1. the mean, since a difference of two large sums would lose the digits of a small variance
    sums = _sum(torch.cat([wide.sum(axes), count]))
    total, mean = sums[-1], sums[:-1] / sums[-1]
    # 2. the variance
    centered = wide - mean.view(shape)
    variance = _sum(centered.square().sum(axes)) / total
    result = centered * (variance + norm.eps).rsqrt().view(shape)
    if norm.affine:
        result = result * norm.weight.view(shape) + norm.bias.view(shape)
    if norm.track_running_stats:
        _average(norm, mean.detach(), variance.detach() * total / (total - 1))
    return result.to(x.dtype)


@torch.no_grad()
def _average(norm: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Move the running averages, as torch does in one process."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    # without a momentum, torch averages all mini-batches alike
    weight = 1 / norm.num_batches_tracked if norm.momentum is None else norm.momentum
    norm.running_mean += weight * (mean - norm.running_mean)
    norm.running_var += weight * (variance - norm.running_var)
