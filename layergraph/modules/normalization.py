"""Normalization of input images by statistics of the training data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

# what leaves an image as it is, until statistics are known
_NEUTRAL = {"mean": 0.0, "standard_deviation": 1.0, "max": 1.0}


class InputNormalization(nn.Module):
    """Normalizes each channel. The statistics are buffers named as the layer's arguments, shaped to
    broadcast: (1, channels, 1, 1)."""

    mean: Tensor
    standard_deviation: Tensor
    min: Tensor
    max: Tensor

    def __init__(
        self,
        normalization: str,
        channels: int,
        rank: int,
        statistics: Mapping[str, Sequence[float] | None],
    ) -> None:
        super().__init__()
        self.normalization = normalization
        shape = (1, channels, *(1,) * rank)
        for name, values in statistics.items():
            neutral = _NEUTRAL.get(name, -1.0 if normalization == "rescale-symmetric" else 0.0)
            tensor = torch.tensor(values if values is not None else [neutral] * channels)
            self.register_buffer(name, tensor.view(shape))

    def forward(self, x: Tensor) -> Tensor:
        if self.normalization == "none":
            return x
        if self.normalization == "zerocenter":
            return x - self.mean
        if self.normalization == "zscore":
            return (x - self.mean) / self.standard_deviation
        scaled = (x - self.min) / (self.max - self.min)
        return scaled if self.normalization == "rescale-zero-one" else 2 * scaled - 1
