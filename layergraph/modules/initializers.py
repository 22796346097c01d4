"""MATLAB's weight initializers for torch parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from layergraph.errors import ArgumentError

M = TypeVar("M", bound=nn.Module)


def uninitialized_module(kind: type[M], *arguments: Any, **options: Any) -> M:
    """Make a module with uninitialized parameters, as torch's initialization would be overwritten.

    It is on torch's default device, so that a network compiled on the meta device takes no memory.
    """
    return cast(M, cast(Any, skip_init)(kind, *arguments, device=torch.get_default_device(), **options))


@torch.no_grad()
def initialize(
    tensor: Tensor, how: str | Callable[[tuple[int, ...]], Any], fan_in: int, fan_out: int
) -> None:
    """Fill ``tensor`` in place.

    ``glorot`` is uniform with variance 2 / (fan_in + fan_out), ``he`` normal with variance 2 / fan_in,
    ``narrow-normal`` normal with standard deviation 0.01, ``orthogonal`` the Q of a QR factorization,
    ``bilinear`` upsamples each channel by itself (:func:`bilinear_kernel`). The fans are MATLAB's, window ×
    channels and window × filters; torch derives them from the shape, which swaps them for transposed
    convolutions.
    """
    if tensor.is_meta:  # a network compiled on the meta device has no values to fill
        return
    if callable(how):
        values = torch.as_tensor(how(tuple(tensor.shape)), dtype=tensor.dtype)
        wanted, got = tuple(tensor.shape), tuple(values.shape)
        if got != wanted:
            raise ArgumentError(f"an initializer must return an array of shape {wanted}, got {got}")
        tensor.copy_(values)
    elif how == "glorot":
        bound = math.sqrt(6 / (fan_in + fan_out))
        tensor.uniform_(-bound, bound)
    elif how == "he":
        tensor.normal_(0, math.sqrt(2 / fan_in))
    elif how == "narrow-normal":
        tensor.normal_(0, 0.01)
    elif how == "bilinear":
        tensor.copy_(bilinear_kernel(tuple(tensor.shape)))
    elif how == "orthogonal":
        # a bias is no matrix, whose columns could be orthogonal
        nn.init.orthogonal_(tensor) if tensor.dim() > 1 else tensor.normal_()
    else:
        tensor.fill_(1.0 if how == "ones" else 0.0)


def bilinear_kernel(shape: tuple[int, ...]) -> Tensor:
    """The weight of a transposed convolution that upsamples each channel by itself, linearly.

    In each dimension of length k the weights are 1 - |i - c| / ceil(k / 2) around the center c; they are 0
    between different channels. With stride s, a length of 2s - s % 2 interpolates.
    """
    kernel = torch.ones(())
    for length in shape[2:]:
        half = (length + 1) // 2
        center = (length - 1) / 2 if length % 2 else half - 0.5
        line = 1 - (torch.arange(length) - center).abs() / half
        kernel = kernel.unsqueeze(-1) * line
    weight = torch.zeros(shape)
    for channel in range(min(shape[:2])):
        weight[channel, channel] = kernel
    return weight
