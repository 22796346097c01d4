"""The fully connected layer's module."""

from __future__ import annotations

from torch import Tensor, nn


class FullyConnected(nn.Linear):
    """A linear map of all numbers of an observation; an image stays one, of 1×1 pixels."""

    num_spatial: int

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.flatten(1))[(..., *(None,) * self.num_spatial)]
