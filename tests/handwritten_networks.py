"""SegNet, U-Net and DeepLab v3+ in plain PyTorch, to compare compiled graphs with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvBlock(nn.Module):
    """Convolution, batch normalization, ReLU."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, 3, padding=1)
        self.bn = nn.BatchNorm2d(filters)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn(self.conv(x)))


class SegNet(nn.Module):
    """SegNet with two convolutions per stage, as ``segnet_layers`` builds it."""

    def __init__(self, channels: int, classes: int, depth: int, filters: int = 64) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.encoder = nn.ModuleList()
        for _ in range(depth):
            self.encoder.append(nn.ModuleList([ConvBlock(channels, filters), ConvBlock(filters, filters)]))
            channels = filters
        self.decoder = nn.ModuleList()
        for stage in range(depth, 0, -1):
            last = classes if stage == 1 else filters
            self.decoder.append(nn.ModuleList([ConvBlock(filters, filters), ConvBlock(filters, last)]))

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
    """U-Net as ``unet_layers`` builds it; ``padding=0`` gives the paper's, with cropped skip connections."""

    def __init__(self, channels: int, classes: int, depth: int, filters: int = 64, padding: int = 1) -> None:
        super().__init__()
        self.padding = padding
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.depth = depth
        widths = [filters * 2**stage for stage in range(depth + 1)]
        self.down = nn.ModuleList(
            self._double(channels, filters)
            for channels, filters in zip([channels, *widths[:-1]], widths, strict=True)
        )
        self.up = nn.ModuleList(
            nn.ModuleList([nn.ConvTranspose2d(w, w // 2, 2, 2), self._double(w, w // 2)])
            for w in widths[:0:-1]
        )
        self.dropout = nn.Dropout(0.5)
        self.pool = nn.MaxPool2d(2, 2)
        self.relu = nn.ReLU()
        self.final = nn.Conv2d(filters, classes, 1)

    def _double(self, channels: int, filters: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(channels, filters, 3, padding=self.padding),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=self.padding),
            nn.ReLU(),
        )

    @staticmethod
    def _crop(x: Tensor, like: Tensor) -> Tensor:
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
            skip = skips.pop() if self.padding else self._crop(skips.pop(), x)
            x = merge(torch.cat([x, skip], 1))
        return self.final(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(x).softmax(1)


class ResidualBlock(nn.Module):
    """A block of ResNet-18; ``same`` pads only at the bottom and right, before a stride of 2."""

    def __init__(
        self,
        channels: int,
        filters: int,
        stride: int = 1,
        dilations: tuple[int, int] = (1, 1),
        *,
        same: bool = False,
    ) -> None:
        super().__init__()
        self.same = same
        first, second = dilations
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 0 if same else first, first)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, second, second)
        self.bn2 = nn.BatchNorm2d(filters)
        self.shortcut = nn.Sequential()
        if channels != filters:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, filters, 1, stride), nn.BatchNorm2d(filters))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x, (0, 1, 0, 1)) if self.same else x  # of even height and width
        y = self.relu(self.bn1(self.conv1(padded)))
        return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class DeepLabV3Plus(nn.Module):
    """DeepLab v3+ on ResNet-18 with output stride 16, as ``deeplabv3plus_layers`` builds it.

    Height and width must be multiples of 16.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, 3, 1, 1))
        self.register_buffer("standard_deviation", torch.ones(1, 3, 1, 1))
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        self.low = nn.Sequential(ResidualBlock(64, 64), ResidualBlock(64, 64))
        self.high = nn.Sequential(
            ResidualBlock(64, 128, 2),
            ResidualBlock(128, 128),
            ResidualBlock(128, 256, 2, same=True),
            ResidualBlock(256, 256),
            ResidualBlock(256, 512, 1, (1, 2)),
            ResidualBlock(512, 512, 1, (2, 2)),
        )
        self.pyramid = nn.ModuleList(
            [self._unit(512, 256, 1), *(self._unit(512, 256, 3, r) for r in (6, 12, 18))]
        )
        self.joined = self._unit(1024, 256, 1)
        self.up1 = nn.ConvTranspose2d(256, 256, 8, 4, 2)
        self.reduced = self._unit(64, 48, 1)
        self.decoder = nn.Sequential(
            self._unit(304, 256, 3), self._unit(256, 256, 3), nn.Conv2d(256, classes, 1)
        )
        self.up2 = nn.ConvTranspose2d(classes, classes, 8, 4, 2)

    @staticmethod
    def _unit(channels: int, filters: int, size: int, rate: int = 1) -> nn.Sequential:
        conv = nn.Conv2d(channels, filters, size, padding=rate * (size // 2), dilation=rate)
        return nn.Sequential(conv, nn.BatchNorm2d(filters), nn.ReLU())

    def scores(self, x: Tensor) -> Tensor:
        low = self.low(self.stem((x - self.mean) / self.standard_deviation))
        high = self.high(low)
        up = self.up1(self.joined(torch.cat([branch(high) for branch in self.pyramid], 1)))
        del high
        return self.up2(self.decoder(torch.cat([self.reduced(low), up], 1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(x).softmax(1)


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Copy the parameters and buffers of ``source`` to ``target``, which has them in the same order."""
    theirs = [*source.state_dict().values()]
    own = target.state_dict()
    mean_first = sorted(own, key=lambda key: key != "mean")
    target.load_state_dict(dict(zip(mean_first, theirs, strict=True)))
