"""What ResNet-50 and ResNet-101 share: residual blocks of three convolutions, 1×1, 3×3 and 1×1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from layergraph.builders.backbones.backbone import Architecture
from layergraph.builders.parts.assembly import Assembly
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AdditionLayer,
    ClassificationLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    MaxPooling2dLayer,
    SoftmaxLayer,
)
from layergraph.layers.arguments import Padding

FILTERS = {
    2: 64,
    3: 128,
    4: 256,
    5: 512,
}  # of the 3×3 convolutions of each stage; the last 1×1 has 4 times as many


@dataclass(frozen=True)
class Block:
    """The names in one block: its number and letter, its three ReLUs, its addition."""

    name: str
    relus: tuple[str, str, str]
    addition: str

    @property
    def stage(self) -> int:
        return int(self.name[0])

    @property
    def is_first(self) -> bool:
        """Whether it opens its stage: its shortcut has a convolution too, to other channels."""
        return self.name[1:] == "a"


@dataclass(frozen=True)
class Bottlenecks:
    """What sets one such network of MATLAB apart from another.

    Attributes:
        blocks: the names in each block.
        input, relu, pool: the names of these layers before the blocks.
        head: the names after the blocks: pooling, fully connected, softmax, output.
        epsilon: of batch normalization.
        padding: of the 3×3 convolutions.
        pool_padding: of the max pooling.
        bias: learn-rate factor of the bias of ``conv1``.
        joined: whether the convolution of a shortcut comes before the last batch normalization of its block.
    """

    blocks: tuple[Block, ...]
    input: str
    relu: str
    pool: str
    head: tuple[str, str, str, str]
    epsilon: float
    padding: Padding
    pool_padding: Padding
    bias: float
    joined: bool

    def graph(self, to: Architecture) -> LayerGraph:
        """The network with its head."""
        epsilon = 1e-5 if to.torchvision else self.epsilon
        net = Assembly(to.input(self.input, "zerocenter"))
        net.convolution("conv1", 7, to.filters(64), stride=2, padding=3, bias_learn_rate_factor=self.bias)
        net.batch_normalization("bn_conv1", epsilon=epsilon)
        net.relu(self.relu)
        pool_padding = 1 if to.torchvision else self.pool_padding
        net.add(MaxPooling2dLayer(3, stride=2, padding=pool_padding, name=self.pool))
        for block in self.blocks:
            self._add(net, block, to, epsilon)
        pooling, classifier, softmax, output = self.head
        net.add(GlobalAveragePooling2dLayer(name=pooling))
        net.add(FullyConnectedLayer(to.num_classes, name=classifier))
        net.add(SoftmaxLayer(name=softmax))
        net.add(ClassificationLayer(name=output))
        return net.graph()

    def _add(self, net: Assembly, block: Block, to: Architecture, epsilon: float) -> None:
        def convolution(
            branch: str, size: int, filters: int, after: str | None = None, **options: Any
        ) -> str:
            name = f"res{block.name}_{branch}"
            return net.convolution(name, size, filters, after, bias_learn_rate_factor=0, **options)

        def normalization(branch: str, after: str | None = None) -> str:
            return net.batch_normalization(f"bn{block.name}_{branch}", after, epsilon=epsilon)

        start, filters = net.last, FILTERS[block.stage]
        stride = 2 if block.is_first and block.stage > 2 else 1
        # torchvision subsamples by the 3×3 convolution, which then must have even padding
        early, late = (1, stride) if to.torchvision else (stride, 1)
        padding = 1 if to.torchvision else self.padding
        convolution("branch2a", 1, to.filters(filters), stride=early)
        normalization("branch2a")
        net.relu(block.relus[0])
        convolution("branch2b", 3, to.filters(filters), stride=late, padding=padding)
        normalization("branch2b")
        net.relu(block.relus[1])
        last = convolution("branch2c", 1, 4 * to.filters(filters))
        if not block.is_first:
            residual, shortcut = normalization("branch2c"), start
        elif self.joined:
            projected = convolution("branch1", 1, 4 * to.filters(filters), start, stride=stride)
            residual, shortcut = normalization("branch2c", last), normalization("branch1", projected)
        else:
            residual = normalization("branch2c")
            convolution("branch1", 1, 4 * to.filters(filters), start, stride=stride)
            shortcut = normalization("branch1")
        net.add(AdditionLayer(2, name=block.addition), after=(residual, shortcut))
        net.relu(block.relus[2])

    def features(self) -> dict[int, str]:
        """The last ReLU of each stage, by its stride."""
        return {2: self.relu} | {2**block.stage: block.relus[2] for block in self.blocks}

    def keys(self) -> dict[str, str]:
        """Layer names and torchvision's."""
        names = {"conv1": "conv1", "bn_conv1": "bn1", self.head[1]: "fc"}
        for block, theirs in zip(self.blocks, self._places(), strict=True):
            branches = {f"branch2{letter}": (f"conv{i}", f"bn{i}") for i, letter in enumerate("abc", 1)}
            if block.is_first:
                branches["branch1"] = ("downsample.0", "downsample.1")
            for branch, (convolution, normalization) in branches.items():
                names[f"res{block.name}_{branch}"] = f"{theirs}.{convolution}"
                names[f"bn{block.name}_{branch}"] = f"{theirs}.{normalization}"
        return names

    def _places(self) -> Iterator[str]:
        """What each block is called by torchvision."""
        index = 0
        for block in self.blocks:
            index = 0 if block.is_first else index + 1
            yield f"layer{block.stage - 1}.{index}"
