"""SegNet and U-Net of depth 2 as a person writes them in PyTorch: what compiled graphs are compared with."""

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    """Convolution, batch normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class SegNet(nn.Module):
    def __init__(self, channels: int, classes: int, filters: int) -> None:
        super().__init__()
        self.encoder1 = nn.Sequential(Block(channels, filters), Block(filters, filters))
        self.encoder2 = nn.Sequential(Block(filters, filters), Block(filters, filters))
        self.decoder2 = nn.Sequential(Block(filters, filters), Block(filters, filters))
        self.decoder1 = nn.Sequential(Block(filters, filters), Block(filters, classes))

    def forward(self, x):
        a = self.encoder1(x)
        b, first = F.max_pool2d(a, 2, return_indices=True)
        b = self.encoder2(b)
        c, second = F.max_pool2d(b, 2, return_indices=True)
        c = F.max_unpool2d(c, second, 2, output_size=b.shape[2:])
        c = self.decoder2(c)
        c = F.max_unpool2d(c, first, 2, output_size=a.shape[2:])
        return self.decoder1(c)

    def in_order(self):
        """The convolutions and batch normalizations in the order of the layers."""
        return [m for m in self.modules() if isinstance(m, (nn.Conv2d, nn.BatchNorm2d))]


class UNet(nn.Module):
    def __init__(self, channels: int, classes: int, filters: int, padding: int) -> None:
        super().__init__()
        widths = [channels, filters, 2 * filters, 4 * filters]

        def convolutions(inputs, outputs):
            return nn.ModuleList(
                [
                    nn.Conv2d(inputs, outputs, 3, padding=padding),
                    nn.Conv2d(outputs, outputs, 3, padding=padding),
                ]
            )

        self.down1 = convolutions(widths[0], widths[1])
        self.down2 = convolutions(widths[1], widths[2])
        self.bridge = convolutions(widths[2], widths[3])
        self.up1 = nn.ConvTranspose2d(widths[3], widths[2], 2, stride=2)
        self.decode1 = convolutions(2 * widths[2], widths[2])
        self.up2 = nn.ConvTranspose2d(widths[2], widths[1], 2, stride=2)
        self.decode2 = convolutions(2 * widths[1], widths[1])
        self.final = nn.Conv2d(widths[1], classes, 1)

    @staticmethod
    def twice(convolutions, x):
        for conv in convolutions:
            x = F.relu(conv(x))
        return x

    @staticmethod
    def cropped(x, like):
        top, left = ((x.shape[d] - like.shape[d]) // 2 for d in (2, 3))
        return x[:, :, top : top + like.shape[2], left : left + like.shape[3]]

    def forward(self, x):
        first = self.twice(self.down1, x)
        second = self.twice(self.down2, F.max_pool2d(first, 2))
        deep = F.max_pool2d(F.dropout(second, 0.5, self.training), 2)
        deep = F.dropout(self.twice(self.bridge, deep), 0.5, self.training)
        up = F.relu(self.up1(deep))
        up = self.twice(self.decode1, torch.cat([up, self.cropped(second, up)], 1))
        up = F.relu(self.up2(up))
        up = self.twice(self.decode2, torch.cat([up, self.cropped(first, up)], 1))
        return self.final(up)

    def in_order(self):
        return [m for m in self.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]


def copy_weights(network: nn.Module, written: nn.Module) -> None:
    """Give the hand-written network the weights of the compiled one, module by module in order."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)
    sources = [module for module in network.modules() if isinstance(module, kinds)]
    for source, module in zip(sources, written.in_order(), strict=True):
        module.load_state_dict(source.state_dict())
