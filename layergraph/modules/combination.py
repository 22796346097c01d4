"""Modules that join several tensors."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Add(nn.Module):
    """The sum of its inputs."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = first + other
        return first


class Multiply(nn.Module):
    """The product of its inputs."""

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        for other in others:
            first = first * other
        return first


class Concatenate(nn.Module):
    """Its inputs joined along the channels."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=1)
