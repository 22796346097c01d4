"""The torch module of a fully connected layer."""

from __future__ import annotations

from torch import Tensor, nn


class FullyConnected(nn.Linear):
    """A linear map of all values of an observation; the output of an image is an image of 1×1 pixels."""

    num_spatial: int

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.flatten(1))[(..., *(None,) * self.num_spatial)]
