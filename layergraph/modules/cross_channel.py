"""Normalization across channels with an even window, which torch places otherwise than MATLAB."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class CrossChannelNormalization(nn.Module):
    """``x / (k + alpha * sum of squares / window) ** beta``, over ``(window - 1) // 2`` channels before and
    ``window // 2`` after; ``nn.LocalResponseNorm`` has these numbers the other way around.
    """

    def __init__(self, window: int, alpha: float, beta: float, k: float) -> None:
        super().__init__()
        self.window, self.alpha, self.beta, self.k = window, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        # the channels as rows of an image of one channel, the pixels as its columns; one name for all steps,
        # so that each frees the memory of the one before
        divisor = x.square().flatten(2).unsqueeze(1)
        divisor = F.pad(divisor, (0, 0, (self.window - 1) // 2, self.window // 2))
        divisor = F.avg_pool2d(divisor, (self.window, 1), stride=1).reshape(x.shape)
        divisor = divisor.mul(self.alpha).add(self.k).pow(self.beta)
        return x / divisor
