"""SegNet and U-Net as one writes them in plain PyTorch: what compiled graphs are compared with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """Convolution, batch normalization, ReLU."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, 3, padding=1)
        self.bn = nn.BatchNorm2d(filters)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(x)))


class SegNet(nn.Module):
    """SegNet with two convolutions a section, as ``segnet_layers`` builds it."""

    def __init__(self, channels: int, classes: int, depth: int, filters: int = 64) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.encoder = nn.ModuleList()
        for _ in range(depth):
            self.encoder.append(nn.ModuleList([Block(channels, filters), Block(filters, filters)]))
            channels = filters
        self.decoder = nn.ModuleList()
        for stage in range(depth, 0, -1):
            last = classes if stage == 1 else filters
            self.decoder.append(nn.ModuleList([Block(filters, filters), Block(filters, last)]))

    def scores(self, x: Tensor) -> Tensor:
        x = x - self.mean
        memory = []
        for first, second in self.encoder:
            x = second(first(x))
            size = x.shape[-2:]
            x, indices = F.max_pool2d(x, 2, 2, return_indices=True)
            memory.append((indices, size))
            del indices
        for first, second in self.decoder:
            indices, size = memory.pop()
            x = F.max_unpool2d(x, indices, 2, 2, output_size=size)
            del indices
            x = second(first(x))
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(x).softmax(1)


class UNet(nn.Module):
    """U-Net as ``unet_layers`` builds it; ``padding`` 0 is the paper's, with cropped skips."""

    def __init__(self, channels: int, classes: int, depth: int, filters: int = 64, padding: int = 1) -> None:
        super().__init__()
        self.padding = padding
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.depth = depth
        widths = [filters * 2**stage for stage in range(depth + 1)]
        self.down = nn.ModuleList(
            self._double(before, after)
            for before, after in zip([channels, *widths[:-1]], widths, strict=True)
        )
        self.up = nn.ModuleList(
            nn.ModuleList([nn.ConvTranspose2d(w, w // 2, 2, 2), self._double(w, w // 2)])
            for w in widths[:0:-1]
        )
        self.dropout = nn.Dropout(0.5)
        self.pool = nn.MaxPool2d(2, 2)
        self.relu = nn.ReLU()
        self.final = nn.Conv2d(filters, classes, 1)

    def _double(self, before: int, after: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(before, after, 3, padding=self.padding),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=self.padding),
            nn.ReLU(),
        )

    @staticmethod
    def _cropped(x: Tensor, like: Tensor) -> Tensor:
        top, left = ((x.shape[d] - like.shape[d]) // 2 for d in (2, 3))
        return x[:, :, top : top + like.shape[2], left : left + like.shape[3]]

    def scores(self, x: Tensor) -> Tensor:
        x = x - self.mean
        skips = []
        for stage, double in enumerate(self.down):
            x = double(x)
            if stage < self.depth:
                skips.append(x)
            if stage >= self.depth - 1:
                x = self.dropout(x)
            if stage < self.depth:
                x = self.pool(x)
        for up, merge in self.up:
            x = self.relu(up(x))
            skip = skips.pop() if self.padding else self._cropped(skips.pop(), x)
            x = merge(torch.cat([x, skip], 1))
        return self.final(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(x).softmax(1)


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Give ``target`` the parameters and buffers of ``source``, which come in the same order."""
    theirs = [*source.state_dict().values()]
    own = target.state_dict()
    mean_first = sorted(own, key=lambda key: key != "mean")
    target.load_state_dict(dict(zip(mean_first, theirs, strict=True)))
