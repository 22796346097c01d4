"""Inception-ResNet-v2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from layergraph.builders.backbones.assembly import Assembly
from layergraph.builders.backbones.backbone import Backbone, BackboneSettings, Conventions, WeightsSource
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AdditionLayer,
    AveragePooling2dLayer,
    DepthConcatenationLayer,
    MaxPooling2dLayer,
    ScalingLayer,
)

Window = int | tuple[int, int]
Branch = tuple[tuple[Window, int], ...]  # filter size and number of filters per convolution

# The stem: filter size, filters, stride, padding, name in the PyTorch files, and whether a pooling follows.
STEM = (
    (3, 32, 2, 0, "conv2d_1a", False),
    (3, 32, 1, 0, "conv2d_2a", False),
    (3, 64, 1, "same", "conv2d_2b", True),
    (1, 80, 1, 0, "conv2d_3b", False),
    (3, 192, 1, 0, "conv2d_4a", True),
)
BRANCHES: dict[str, tuple[Branch, ...]] = {
    "mixed_5b": (((1, 96),), ((1, 48), (5, 64)), ((1, 64), (3, 96), (3, 96)), ((1, 64),)),
    "block35": (((1, 32),), ((1, 32), (3, 32)), ((1, 32), (3, 48), (3, 64))),
    "mixed_6a": (((3, 384),), ((1, 256), (3, 256), (3, 384))),
    "block17": (((1, 192),), ((1, 128), ((1, 7), 160), ((7, 1), 192))),
    "mixed_7a": (((1, 256), (3, 384)), ((1, 256), (3, 288)), ((1, 256), (3, 288), (3, 320))),
    "block8": (((1, 192),), ((1, 192), ((1, 3), 224), ((3, 1), 256))),
}
# Number, scale and name in the PyTorch files of each kind of residual block.
RESIDUAL = {
    "block35": (10, 0.17, "repeat"),
    "block17": (20, 0.1, "repeat_1"),
    "block8": (10, 0.2, "repeat_2"),
}


def inceptionresnetv2(
    image_size: Sequence[int] = (299, 299, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """Inception-ResNet-v2 with MATLAB's layer names (``inceptionresnetv2``): 824 layers, 921 connections.

    It has 55,873,736 learnables. 55,813,192 of them learn, as many as published. The other 60,544 are biases
    frozen at 0 and scales frozen at 1, because every convolution and batch normalization of MATLAB has them.

    Args:
        image_size: (height, width) or (height, width, channels), at least 75×75.
        num_classes: outputs of the last fully connected layer.
        include_head: ``False`` ends the network after ``conv_7b_ac``.
        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: ``None``, or the path of a ``.pth`` or ``.safetensors`` file, saved by layergraph or with the
            names of timm and pretrainedmodels (``mixed_5b.branch0.conv.weight``, with the head in ``classif``
            if ``num_classes`` is that of the file, usually 1001 with the background as the first).
            torchvision publishes none.
        conventions: ``"torchvision"`` follows these files: pixels from 0 to 255 become -1 to 1, and the
            average pooling leaves its padding out of the mean. ``"matlab"`` includes the padding as zeros,
            and computes the range of pixels from the training data. The default is that of the weights, and
            MATLAB's without weights.

    Convolutions of the stem, and those with stride 2, have no padding, so that features are smaller than the
    image divided by their stride; :func:`layergraph.edits.pad_same` adds padding for dense prediction.

    MATLAB's network comes from Keras; some of its numbers of filters differ from the paper.

    Raises:
        ArgumentError: an argument is out of its range, or the image is too small.

    Source: C. Szegedy, S. Ioffe, V. Vanhoucke, A. Alemi, "Inception-v4, Inception-ResNet and the Impact of
    Residual Connections on Learning", AAAI 2017.

    >>> from layergraph.builders.backbones import inceptionresnetv2
    >>> lgraph = inceptionresnetv2()
    >>> len(lgraph), len(lgraph.connections)
    (824, 921)
    >>> lgraph["block35_1_scale"].description
    'Scaling by 0.17'
    """
    return INCEPTIONRESNETV2.build(image_size, num_classes, include_head, width, weights, conventions)


def architecture(settings: BackboneSettings, blocks: Sequence[int] = (10, 20, 10)) -> LayerGraph:
    """The layers, with these numbers of residual blocks of the three kinds."""
    inception = _Inception(settings)
    for window, filters, stride, padding, _, pooled in STEM:
        inception.convolution(window, filters, stride, padding)
        if pooled:
            inception.pooling()
    inception.mixed_block("mixed_5b")
    inception.residual_blocks("block35", blocks[0])
    inception.mixed_block("mixed_6a")
    inception.residual_blocks("block17", blocks[1])
    inception.mixed_block("mixed_7a")
    inception.residual_blocks("block8", blocks[2])
    net = inception.net
    net.convolution("conv_7b", 1, settings.filters(1536), padding="same", bias_learn_rate_factor=0)
    net.batch_normalization("conv_7b_bn", epsilon=1e-3, scale_learn_rate_factor=0)
    net.relu("conv_7b_ac")
    head = ("avg_pool", "predictions", "predictions_softmax", "ClassificationLayer_predictions")
    return net.classify(settings.num_classes, *head)


class _Inception:
    """The network under construction, which numbers its convolutions and poolings."""

    def __init__(self, settings: BackboneSettings) -> None:
        self.net = Assembly(settings.input("input_1", "rescale-symmetric"))
        self._settings = settings
        self._convolutions = self._poolings = 0

    def convolution(
        self, window: Window, filters: int, stride: int, padding: Any, after: str | None = None
    ) -> str:
        """Add a convolution, batch normalization and ReLU with the next number."""
        self._convolutions += 1
        number, filters = self._convolutions, self._settings.filters(filters)
        # Keras has neither biases nor scales here (``use_bias=False``, ``scale=False``).
        options = {"stride": stride, "padding": padding, "bias_learn_rate_factor": 0}
        self.net.convolution(f"conv2d_{number}", window, filters, after, **options)
        self.net.batch_normalization(f"batch_normalization_{number}", epsilon=1e-3, scale_learn_rate_factor=0)
        return self.net.relu(f"activation_{number}")

    def pooling(self, after: str | None = None) -> str:
        """Add a max pooling that halves the image, with the next number."""
        self._poolings += 1
        return self.net.add(MaxPooling2dLayer(3, stride=2, name=f"max_pooling2d_{self._poolings}"), after)

    def mixed_block(self, name: str) -> None:
        """Add concatenated branches without a shortcut; the last branch pools."""
        # The first such block keeps the size, and averages where the others take the maximum.
        start, ends = self.net.last, []
        halves = name != "mixed_5b"
        for branch in BRANCHES[name][: None if halves else -1]:
            ends.append(self._branch(branch, start, halves))
        if halves:
            ends.append(self.pooling(start))
        else:
            value: Any = "mean" if self._settings.torchvision else 0
            options = {"padding": "same", "padding_value": value, "name": "average_pooling2d_1"}
            pooled = self.net.add(AveragePooling2dLayer(3, **options), start)
            ends.append(self._branch(BRANCHES[name][-1], pooled, halves))
        self.net.add(DepthConcatenationLayer(len(ends), name=name), ends)

    def residual_blocks(self, kind: str, count: int) -> None:
        """Add blocks that scale their branches before the addition, except the last block of the network."""
        net = self.net
        for index in range(1, count + 1):
            name, start = f"{kind}_{index}", net.last
            ends = [self._branch(branch, start, halves=False) for branch in BRANCHES[kind]]
            # The last block of the network has neither a scale below 1 nor a ReLU.
            last = kind == "block8" and index == count
            net.add(DepthConcatenationLayer(len(ends), name=f"{name}_mixed"), ends)
            # The addition needs as many channels as the block's input has. The bias learns,
            # because no normalization follows.
            net.convolution(f"{name}_conv", 1, net.channels(start), padding="same")
            scaled = net.add(ScalingLayer(1 if last else RESIDUAL[kind][1], name=f"{name}_scale"))
            net.add(AdditionLayer(2, name=name), (start, scaled))
            if not last:
                net.relu(f"{name}_ac")

    def _branch(self, branch: Branch, after: str, halves: bool) -> str:
        """Add the convolutions of a branch, of which the last may halve the image; return its name."""
        for index, (window, filters) in enumerate(branch, 1):
            strided = halves and index == len(branch)
            after = self.convolution(window, filters, 2 if strided else 1, 0 if strided else "same", after)
        return after


def keys(blocks: Sequence[int] = (10, 20, 10)) -> dict[str, str]:
    """The prefix of each layer's tensors in the PyTorch files."""
    names = {"predictions": "classif", "conv_7b": "conv2d_7b.conv", "conv_7b_bn": "conv2d_7b.bn"}
    for number, key in enumerate([*(row[4] for row in STEM), *_branch_keys(blocks)], 1):
        names |= {f"conv2d_{number}": f"{key}.conv", f"batch_normalization_{number}": f"{key}.bn"}
    for kind, count in zip(RESIDUAL, blocks, strict=True):
        names |= {f"{kind}_{i + 1}_conv": f"{_block_key(kind, i, count)}.conv2d" for i in range(count)}
    return names


def _branch_keys(blocks: Sequence[int]) -> Iterator[str]:
    """The prefixes of all convolutions in branches, in the order of their numbers."""
    for mixed, kind, count in zip(("mixed_5b", "mixed_6a", "mixed_7a"), RESIDUAL, blocks, strict=True):
        modules = [(mixed, mixed), *((_block_key(kind, i, count), kind) for i in range(count))]
        for module, branches in modules:
            for b, branch in enumerate(BRANCHES[branches]):
                pooled = (branches, b) == ("mixed_5b", 3)  # its pooling has a number too
                for i in range(len(branch)):
                    # A branch of one convolution is no sequence, so it has no index.
                    alone = len(branch) == 1 and not pooled
                    yield f"{module}.branch{b}" + ("" if alone else f".{i + pooled}")


def _block_key(kind: str, index: int, count: int) -> str:
    """The prefix of a residual block; the last block of the network has a name of its own."""
    return "block8" if kind == "block8" and index == count - 1 else f"{RESIDUAL[kind][2]}.{index}"


INCEPTIONRESNETV2 = Backbone(
    "inceptionresnetv2",
    architecture,
    features={
        2: "activation_3",
        4: "activation_5",
        8: "block35_10_ac",
        16: "block17_20_ac",
        32: "conv_7b_ac",
    },
    last_feature="conv_7b_ac",
    image_size=(299, 299, 3),
    keys=keys(),
)
