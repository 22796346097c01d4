"""Settings of torch for a training: its global flags, and the order of channels in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_VARIABLE = "CUBLAS_WORKSPACE_CONFIG"  # Lightning sets it for deterministic algorithms


@contextmanager
def same_flags() -> Iterator[None]:
    """Restore the global flags that a ``Trainer`` of Lightning sets.

    >>> with same_flags():
    ...     torch.use_deterministic_algorithms(True)
    >>> torch.are_deterministic_algorithms_enabled()
    False
    """
    enabled = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark, variable = torch.backends.cudnn.benchmark, os.environ.get(_VARIABLE)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warns)
        torch.backends.cudnn.benchmark = benchmark
        if variable is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = variable


def set_channels_last(net: nn.Module, *, last: bool) -> None:
    """Store the weights of 2-D and 3-D convolutions with their channels last, or in torch's usual order."""
    for parameter in net.parameters():
        parameter.data = in_order(parameter.data, last=last)


def in_order(tensor: Tensor, *, last: bool = True) -> Tensor:
    """A tensor with the channels last in memory if it has two or three spatial dimensions, else itself.

    >>> in_order(torch.zeros(1, 2, 3, 3)).is_contiguous(memory_format=torch.channels_last)
    True
    """
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    if tensor.dim() not in formats:
        return tensor
    return tensor.contiguous(memory_format=formats[tensor.dim()] if last else torch.contiguous_format)
