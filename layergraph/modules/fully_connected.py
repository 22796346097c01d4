"""The fully connected layer's module."""

from __future__ import annotations

from torch import Tensor, nn

from layergraph.layers.fully_connected import FullyConnectedLayer
from layergraph.modules.initializers import initialize, uninitialized
from layergraph.sizes import Size


class FullyConnected(nn.Linear):
    """A linear map of all numbers of an observation; an image stays one, of 1×1 pixels."""

    num_spatial: int

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.flatten(1))[(..., *(None,) * self.num_spatial)]


def fully_connected(layer: FullyConnectedLayer, size: Size) -> nn.Module:
    """The module of a fully connected layer with this input, initialized."""
    module = uninitialized(FullyConnected, size.num_elements, layer.output_size)
    module.num_spatial = len(size.spatial)
    initialize(module.weight, layer.weights_initializer, size.num_elements, layer.output_size)
    initialize(module.bias, layer.bias_initializer, 1, layer.output_size)
    return module
