"""ResNet-50 and ResNet-101: residual blocks of three convolutions (1×1, 3×3 and 1×1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layergraph.builders.backbones.assembly import Assembly
from layergraph.builders.backbones.backbone import Backbone, BackboneSettings, Conventions, WeightsSource
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AdditionLayer,
    MaxPooling2dLayer,
)
from layergraph.layers.arguments import Padding

# Filters of the 1×1 and 3×3 convolutions per stage; the last 1×1 convolution has 4 times as many.
FILTERS = {2: 64, 3: 128, 4: 256, 5: 512}


def resnet50(
    image_size: Sequence[int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """ResNet-50 with MATLAB's layer names (``resnet50``): 177 layers, 25,583,592 learnables.

    Args:
        image_size: (height, width) or (height, width, channels), of any size.
        num_classes: outputs of the fully connected layer.
        include_head: ``False`` ends the network after ``activation_49_relu``.
        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: ``None``, ``"imagenet"`` (torchvision's published file), or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: ``"matlab"`` or ``"torchvision"``; by default those of the weights, and MATLAB's without
            weights. MATLAB strides in the first 1×1 convolution of a stage and has epsilons of 0.001;
            torchvision strides in the first 3×3 convolution and has epsilons of 0.00001. They also normalize
            the input differently.

    Convolutions have a bias as in MATLAB, frozen at 0 in the blocks (torchvision's have none: 26,560
    learnables fewer).

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

    >>> from layergraph.builders.backbones import resnet50
    >>> len(resnet50()), len(resnet50(include_head=False))
    (177, 173)
    """
    return RESNET50.build(image_size, num_classes, include_head, width, weights, conventions)


def resnet101(
    image_size: Sequence[int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """ResNet-101 with MATLAB's layer names (``resnet101``): 347 layers, 44,601,832 learnables.

    Args:
        image_size: (height, width) or (height, width, channels), at least 3×3.
        num_classes: outputs of the fully connected layer.
        include_head: ``False`` ends the network after ``res5c_relu``.
        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: ``None``, ``"imagenet"`` (torchvision's published file), or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: ``"matlab"`` or ``"torchvision"``; by default those of the weights, and MATLAB's without
            weights. MATLAB strides in the first 1×1 convolution of a stage, torchvision in the first 3×3. The
            padding of ``pool1`` and the normalization of the input differ too.

    Convolutions have a bias as in MATLAB, frozen at 0 (torchvision's have none: 52,672 learnables fewer).

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

    >>> from layergraph.builders.backbones import resnet101
    >>> len(resnet101()), len(resnet101(include_head=False))
    (347, 343)
    """
    return RESNET101.build(image_size, num_classes, include_head, width, weights, conventions)


@dataclass(frozen=True)
class _Block:
    """The names in one block: its stage and letter, its three ReLUs, its addition."""

    name: str
    relus: tuple[str, str, str]
    addition: str

    @property
    def stage(self) -> int:
        return int(self.name[0])

    @property
    def is_first(self) -> bool:
        """Whether the block is the first of its stage, whose shortcut has a convolution too."""
        # Also in stage 2, where the size stays but the number of channels grows fourfold.
        return self.name[1:] == "a"


@dataclass(frozen=True)
class _Variant:
    """The properties in which MATLAB's two networks differ.

    Attributes:
        blocks: names in each block.
        input, relu, pool: names of these layers before the blocks.
        head: names of pooling, fully connected, softmax and output layer after the blocks.
        epsilon: of batch normalization.
        padding: of the 3×3 convolutions.
        pool_padding: of the max pooling.
        bias: learn-rate factor of the bias of ``conv1``.
        shortcut_first: whether the convolution of a shortcut comes before the last batch normalization of
            its block in the order of the layers.
    """

    blocks: tuple[_Block, ...]
    input: str
    relu: str
    pool: str
    head: tuple[str, str, str, str]
    epsilon: float
    padding: Padding
    pool_padding: Padding
    bias: float
    shortcut_first: bool

    def layers(self, settings: BackboneSettings) -> LayerGraph:
        """The network with its head."""
        epsilon = 1e-5 if settings.torchvision else self.epsilon
        net = Assembly(settings.input(self.input, "zerocenter"))
        filters = settings.filters(64)
        net.convolution("conv1", 7, filters, stride=2, padding=3, bias_learn_rate_factor=self.bias)
        net.batch_normalization("bn_conv1", epsilon=epsilon)
        net.relu(self.relu)
        pool_padding = 1 if settings.torchvision else self.pool_padding
        net.add(MaxPooling2dLayer(3, stride=2, padding=pool_padding, name=self.pool))
        for block in self.blocks:
            self._add(net, block, settings, epsilon)
        return net.classify(settings.num_classes, *self.head)

    def _add(self, net: Assembly, block: _Block, settings: BackboneSettings, epsilon: float) -> None:
        def convolution(
            branch: str, size: int, filters: int, after: str | None = None, **options: Any
        ) -> str:
            name = f"res{block.name}_{branch}"
            return net.convolution(name, size, filters, after, bias_learn_rate_factor=0, **options)

        def normalization(branch: str, after: str | None = None) -> str:
            return net.batch_normalization(f"bn{block.name}_{branch}", after, epsilon=epsilon)

        start, filters = net.last, settings.filters(FILTERS[block.stage])
        stride = 2 if block.is_first and block.stage > 2 else 1
        # MATLAB strides in the 1×1 convolution, torchvision in the 3×3. There "same" would pad an even image
        # at the bottom and right only, so torchvision's padding is 1 on all sides.
        early, late = (1, stride) if settings.torchvision else (stride, 1)
        padding = 1 if settings.torchvision else self.padding
        convolution("branch2a", 1, filters, stride=early)
        normalization("branch2a")
        net.relu(block.relus[0])
        convolution("branch2b", 3, filters, stride=late, padding=padding)
        normalization("branch2b")
        net.relu(block.relus[1])
        last = convolution("branch2c", 1, 4 * filters)
        if not block.is_first:
            residual, shortcut = normalization("branch2c"), start
        # This order only determines MATLAB's list of layers; the connections are the same.
        elif self.shortcut_first:
            projected = convolution("branch1", 1, 4 * filters, start, stride=stride)
            residual, shortcut = normalization("branch2c", last), normalization("branch1", projected)
        else:
            residual = normalization("branch2c")
            convolution("branch1", 1, 4 * filters, start, stride=stride)
            shortcut = normalization("branch1")
        net.add(AdditionLayer(2, name=block.addition), after=(residual, shortcut))
        net.relu(block.relus[2])

    def keys(self) -> dict[str, str]:
        """The prefix of each layer's tensors in torchvision's file."""
        keys, index = {"conv1": "conv1", "bn_conv1": "bn1", self.head[1]: "fc"}, 0
        for block in self.blocks:
            # torchvision numbers the blocks of each stage from 0.
            index = 0 if block.is_first else index + 1
            branches = {f"branch2{letter}": (f"conv{i}", f"bn{i}") for i, letter in enumerate("abc", 1)}
            if block.is_first:
                branches["branch1"] = ("downsample.0", "downsample.1")
            for branch, (convolution, normalization) in branches.items():
                prefix = f"layer{block.stage - 1}.{index}"
                keys[f"res{block.name}_{branch}"] = f"{prefix}.{convolution}"
                keys[f"bn{block.name}_{branch}"] = f"{prefix}.{normalization}"
        return keys

    def backbone(self, name: str, url: str) -> Backbone:
        """The network as a backbone; its features end with the last ReLU of each stage."""
        # The later blocks of a stage overwrite the earlier ones, so the last one remains.
        features = {2: self.relu} | {2**block.stage: block.relus[2] for block in self.blocks}
        return Backbone(name, self.layers, features, features[32], keys=self.keys(), url=url)


def _block_of_resnet50(index: int, name: str) -> _Block:
    """MATLAB numbers the ReLUs and additions of ResNet-50 through the whole network."""
    first, second, third = (f"activation_{3 * index + number}_relu" for number in (2, 3, 4))
    return _Block(name, (first, second, third), f"add_{index + 1}")


def _block_of_resnet101(name: str) -> _Block:
    """As in the first released model, every layer has the name of its block and branch."""
    relus = (f"res{name}_branch2a_relu", f"res{name}_branch2b_relu", f"res{name}_relu")
    return _Block(name, relus, f"res{name}")


_BLOCKS_OF_50 = (
    "2a",
    "2b",
    "2c",
    "3a",
    "3b",
    "3c",
    "3d",
    "4a",
    "4b",
    "4c",
    "4d",
    "4e",
    "4f",
    "5a",
    "5b",
    "5c",
)
# As in Caffe, blocks after the first have a letter and a number in the two long stages.
_BLOCKS_OF_101 = (
    *("2a", "2b", "2c"),
    *("3a", *(f"3b{index}" for index in range(1, 4))),
    *("4a", *(f"4b{index}" for index in range(1, 23))),
    *("5a", "5b", "5c"),
)

RESNET50 = _Variant(
    blocks=tuple(_block_of_resnet50(index, name) for index, name in enumerate(_BLOCKS_OF_50)),
    input="input_1",
    relu="activation_1_relu",
    pool="max_pooling2d_1",
    head=("avg_pool", "fc1000", "fc1000_softmax", "ClassificationLayer_fc1000"),
    epsilon=0.001,
    padding="same",
    pool_padding=1,
    bias=1,
    shortcut_first=True,
).backbone("resnet50", "https://download.pytorch.org/models/resnet50-0676ba61.pth")

RESNET101 = _Variant(
    blocks=tuple(map(_block_of_resnet101, _BLOCKS_OF_101)),
    input="data",
    relu="conv1_relu",
    pool="pool1",
    head=("pool5", "fc1000", "prob", "ClassificationLayer_predictions"),
    epsilon=1e-5,
    padding=1,
    # Caffe's poolings round up; one row and column at the end give their output size.
    pool_padding=(0, 1, 0, 1),
    bias=0,
    shortcut_first=False,
).backbone("resnet101", "https://download.pytorch.org/models/resnet101-63fe2227.pth")
