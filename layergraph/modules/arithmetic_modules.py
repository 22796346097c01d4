"""Modules for arithmetic between tensors."""

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
    """The concatenation of its inputs along one dimension, by default the channels."""

    def __init__(self, dim: int = 1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, dim=self.dim)


class Scale(nn.Module):
    """Multiplies by a fixed number and adds another."""

    def __init__(self, scale: float, bias: float) -> None:
        super().__init__()
        self.scale, self.bias = scale, bias

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.bias if self.bias else x * self.scale
