"""Normalization across channels with an even window, which torch centers differently from MATLAB."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class CrossChannelNormalization(nn.Module):
    """``x / (k + alpha * sum of squares / window) ** beta``, the sum over ``(window - 1) // 2`` channels
    before and ``window // 2`` after; ``nn.LocalResponseNorm`` has these numbers the other way around.
    """

    def __init__(self, window: int, alpha: float, beta: float, k: float) -> None:
        super().__init__()
        self.window, self.alpha, self.beta, self.k = window, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        # average pooling sums over a window of channels, if the channels are the rows of an image with one
        # channel and the pixels its columns. One variable holds all steps, so that each frees the last
        divisor = x.square().flatten(2).unsqueeze(1)
        divisor = F.pad(divisor, (0, 0, (self.window - 1) // 2, self.window // 2))
        divisor = F.avg_pool2d(divisor, (self.window, 1), stride=1).reshape(x.shape)
        divisor = divisor.mul(self.alpha).add(self.k).pow(self.beta)
        return x / divisor
