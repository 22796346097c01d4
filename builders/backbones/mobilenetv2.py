"""MobileNetV2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from layergraph.builders.backbones.assembly import Assembly
from layergraph.builders.backbones.backbone import Backbone, BackboneSettings, Conventions, WeightsSource
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AdditionLayer,
    ClippedReluLayer,
)

# Filters, blocks and stride of each stage (table 2 of the paper); all stages except the first expand channels
# by this factor.
STAGES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
EXPANSION = 6


def mobilenetv2(
    image_size: Sequence[int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """MobileNetV2 with MATLAB's layer names (``mobilenetv2``): 154 layers, 3,521,928 learnables.

    Args:
        image_size: (height, width) or (height, width, channels), of any size.
        num_classes: outputs of the fully connected layer.
        include_head: ``False`` ends the network after ``out_relu``.
        width: multiplies every number of filters as in the paper, rounded to a multiple of 8 that is at most
            10 % smaller; ``Conv_1`` has at least 1280 filters.
        weights: ``None``, ``"imagenet"`` (torchvision's published file), or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: ``"matlab"`` or ``"torchvision"``; by default those of the weights, and MATLAB's without
            weights. MATLAB pads strided convolutions with ``"same"`` (even images only at the bottom and
            right) and has epsilons of 0.001; torchvision pads by 1 on all sides, has epsilons of 0.00001, and
            fixes the statistics of the input.

    Convolutions have a bias as in MATLAB (torchvision's have none: 17,056 learnables fewer).

    Source: M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen, "MobileNetV2: Inverted Residuals and
    Linear Bottlenecks", CVPR 2018.

    >>> from layergraph.builders.backbones import mobilenetv2
    >>> len(mobilenetv2()), len(mobilenetv2(include_head=False))
    (154, 150)
    """
    return MOBILENETV2.build(image_size, num_classes, include_head, width, weights, conventions)


class _Block(NamedTuple):
    """An inverted residual: expansion, channel-wise convolution, projection to fewer channels."""

    name: str
    expands: bool
    filters: int
    stride: int
    adds: bool


def _blocks() -> Iterator[_Block]:
    """All blocks. The first has a name of its own; the others are numbered from 1, as in MATLAB."""
    number = 0
    for filters, count, stride in STAGES:
        for index in range(count):
            name = f"block_{number}" if number else "expanded_conv"
            # Only the later blocks of a stage keep size and channels, as an addition requires.
            yield _Block(name, number > 0, filters, 1 if index else stride, index > 0)
            number += 1


def _filters(settings: BackboneSettings, number: int) -> int:
    """A number of filters at this width, which rounding reduces by at most a tenth."""
    rounded = settings.filters(number)
    return rounded if rounded >= 0.9 * number * settings.width else rounded + 8


def _architecture(settings: BackboneSettings) -> LayerGraph:
    epsilon = 1e-5 if settings.torchvision else 0.001
    same = 1 if settings.torchvision else "same"

    def normalize(name: str, activation: str = "") -> str:
        net.batch_normalization(name, epsilon=epsilon)
        # The paper clips at 6, because that is robust in low-precision arithmetic.
        return net.add(ClippedReluLayer(6, name=activation)) if activation else name

    net = Assembly(settings.input("input_1", "zscore"))
    net.convolution("Conv1", 3, _filters(settings, 32), stride=2, padding=same)
    normalize("bn_Conv1", "Conv1_relu")
    for block in _blocks():
        name, start = block.name, net.last
        if block.expands:  # all except the first, whose expansion is 1
            net.convolution(f"{name}_expand", 1, EXPANSION * net.channels(), padding="same")
            normalize(f"{name}_expand_BN", f"{name}_expand_relu")
        channels = net.channels()
        net.grouped_convolution(f"{name}_depthwise", 3, channels, channels, stride=block.stride, padding=same)
        normalize(f"{name}_depthwise_BN", f"{name}_depthwise_relu")
        net.convolution(f"{name}_project", 1, _filters(settings, block.filters), padding="same")
        # No ReLU: on few channels it would destroy information (the paper's linear bottleneck).
        residual = normalize(f"{name}_project_BN")
        if block.adds:
            net.add(AdditionLayer(2, name=f"{name}_add"), after=(residual, start))
    # As in the paper, narrow networks keep the filters of the last convolution.
    net.convolution("Conv_1", 1, max(1280, _filters(settings, 1280)))
    normalize("Conv_1_bn", "out_relu")
    head = ("global_average_pooling2d_1", "Logits", "Logits_softmax", "ClassificationLayer_Logits")
    return net.classify(settings.num_classes, *head)


def _keys() -> dict[str, str]:
    """Prefixes in torchvision's file, where convolution, normalization and ReLU are one module."""
    names = {"Conv1": "features.0.0", "bn_Conv1": "features.0.1"}
    for index, block in enumerate(_blocks(), 1):
        parts = ["expand"] * block.expands + ["depthwise"]
        for position, part in enumerate(parts):
            names[f"{block.name}_{part}"] = f"features.{index}.conv.{position}.0"
            names[f"{block.name}_{part}_BN"] = f"features.{index}.conv.{position}.1"
        # No ReLU follows the projection, so its two layers are modules of the block themselves.
        names[f"{block.name}_project"] = f"features.{index}.conv.{len(parts)}"
        names[f"{block.name}_project_BN"] = f"features.{index}.conv.{len(parts) + 1}"
    # ``Conv1`` is module 0, and the 17 blocks are modules 1 to 17.
    names |= {"Conv_1": "features.18.0", "Conv_1_bn": "features.18.1"}
    return names | {"Logits": "classifier.1"}


MOBILENETV2 = Backbone(
    "mobilenetv2",
    _architecture,
    {2: "expanded_conv_project_BN", 4: "block_2_add", 8: "block_5_add", 16: "block_12_add", 32: "out_relu"},
    last_feature="out_relu",
    keys=_keys(),
    url="https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
)
