"""Classification networks in plain PyTorch, written from the papers.

The names of their tensors are those in torchvision's published files. They may have any number of filters
and classes. ``forward`` takes images of mean 0 and deviation 1 (:func:`normalize`) and returns the scores
before the softmax; ``strides`` returns the last features of each stride.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def normalize(images: Tensor) -> Tensor:
    """Normalize images of 0 to 255 as torchvision does: to 0..1, then by the statistics of ImageNet."""
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=images.dtype).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225], dtype=images.dtype).view(3, 1, 1)
    return (images / 255 - mean) / deviation


def randomize(net: nn.Module, scales: tuple[float, float]) -> nn.Module:
    """Set random weights and statistics of batch normalization.

    The ``scales`` of batch normalization must keep activations from exploding in a hundred layers with
    shortcuts, and from vanishing in those without.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, 0, 0.1)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, *scales)
            nn.init.normal_(module.bias, 0, 0.3)
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    with torch.no_grad():
        for tensor in net.state_dict().values():
            tensor.copy_(tensor.float())  # files of weights hold float32
    return net.eval()


# -- VGG -----------------------------------------------------------------------------------------------


class VGG(nn.Module):
    """VGG with these counts of 3×3 convolutions in five blocks; ``grid`` is the size of its last features."""

    def __init__(
        self,
        convolutions: Sequence[int],
        filters: Sequence[int] = (64, 128, 256, 512, 512),
        hidden: int = 4096,
        classes: int = 1000,
        grid: tuple[int, int] = (7, 7),
    ) -> None:
        super().__init__()
        layers, channels = [], 3
        for count, number in zip(convolutions, filters, strict=True):
            for _ in range(count):
                layers += [nn.Conv2d(channels, number, 3, padding=1), nn.ReLU()]
                channels = number
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(channels * grid[0] * grid[1], hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(hidden, classes),
        )

    def strides(self, x: Tensor) -> dict[int, Tensor]:
        features, stride = {}, 1
        for module in self.features:
            before, x = x, module(x)
            if isinstance(module, nn.MaxPool2d):
                features[stride] = before
                stride *= 2
        return features | {stride: x}

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


# -- ResNet --------------------------------------------------------------------------------------------


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.downsample = None
        if stride > 1:
            convolution = nn.Conv2d(channels, filters, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(filters))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions and a shortcut; the 3×3 convolution has the stride."""

    expansion = 4

    def __init__(self, channels: int, filters: int, stride: int, opens: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.conv3 = nn.Conv2d(filters, 4 * filters, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * filters)
        self.downsample = None
        if opens:
            convolution = nn.Conv2d(channels, 4 * filters, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(4 * filters))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.relu(self.bn3(self.conv3(x)) + shortcut)


class ResNet(nn.Module):
    """ResNet with these numbers of basic blocks or bottlenecks in four stages."""

    def __init__(
        self,
        blocks: Sequence[int],
        bottlenecks: bool,
        filters: Sequence[int] = (64, 128, 256, 512),
        classes: int = 1000,
    ) -> None:
        super().__init__()
        channels = filters[0]
        self.conv1 = nn.Conv2d(3, channels, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        for stage, (count, number) in enumerate(zip(blocks, filters, strict=True), 1):
            layers = []
            for index in range(count):
                stride = 2 if stage > 1 and index == 0 else 1
                if bottlenecks:
                    layers.append(Bottleneck(channels, number, stride, opens=index == 0))
                else:
                    layers.append(BasicBlock(channels, number, stride))
                channels = number * layers[-1].expansion
            setattr(self, f"layer{stage}", nn.Sequential(*layers))
        self.fc = nn.Linear(channels, classes)

    def strides(self, x: Tensor) -> dict[int, Tensor]:
        features = {2: F.relu(self.bn1(self.conv1(x)))}
        x = F.max_pool2d(features[2], 3, 2, 1)
        for stage in range(1, 5):
            x = features[2 ** (stage + 1)] = getattr(self, f"layer{stage}")(x)
        return features

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.strides(x)[32].mean((2, 3)))


# -- MobileNetV2 ---------------------------------------------------------------------------------------


def convolution(channels: int, filters: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch normalization and ReLU6."""
    conv = nn.Conv2d(channels, filters, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(filters), nn.ReLU6())


class InvertedResidual(nn.Module):
    """Expansion, one convolution per channel, projection without activation; a shortcut within a stage."""

    def __init__(self, channels: int, filters: int, stride: int, expansion: int, adds: bool) -> None:
        super().__init__()
        hidden = expansion * channels
        layers = [convolution(channels, hidden, 1)] if expansion > 1 else []
        layers.append(convolution(hidden, hidden, 3, stride, hidden))
        layers += [nn.Conv2d(hidden, filters, 1, bias=False), nn.BatchNorm2d(filters)]
        self.conv = nn.Sequential(*layers)
        self.adds = adds

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.adds else self.conv(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 with these numbers of filters: first convolution, seven stages, last convolution."""

    def __init__(
        self,
        filters: Sequence[int] = (32, 16, 24, 32, 64, 96, 160, 320, 1280),
        classes: int = 1000,
    ) -> None:
        super().__init__()
        first, *stages, last = filters
        layers = [convolution(3, first, 3, 2)]
        channels = first
        plan = zip(stages, (1, 2, 3, 4, 3, 3, 1), (1, 2, 2, 2, 1, 2, 1), strict=True)
        for stage, (number, count, stride) in enumerate(plan):
            for index in range(count):
                step = stride if index == 0 else 1
                layers.append(InvertedResidual(channels, number, step, 6 if stage else 1, adds=index > 0))
                channels = number
        layers.append(convolution(channels, last, 1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes))

    def strides(self, x: Tensor) -> dict[int, Tensor]:
        features, height = {}, x.shape[2]
        stride = 1
        for module in self.features:
            x = module(x)
            if x.shape[2] < height:
                stride, height = 2 * stride, x.shape[2]
            features[stride] = x
        return features

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))
