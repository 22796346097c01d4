"""Xception."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layergraph.builders.backbones.assembly import Assembly
from layergraph.builders.backbones.backbone import Backbone, BackboneSettings, Conventions, WeightsSource
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AdditionLayer,
    MaxPooling2dLayer,
)

# Filters of the separable convolutions per block; `None` means as many as the input of the block has.
POOLED = {2: (128, 128), 3: (256, 256), 4: (728, 728), 13: (None, 1024)}
MIDDLE = range(5, 13)
LAST = (1536, 2048)


def xception(
    image_size: Sequence[int] = (299, 299, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """Xception with MATLAB's layer names (``xception``): 170 layers, 181 connections.

    It has 22,906,264 learnables. 22,855,952 of them learn, as many as published. The other 50,312 are biases
    frozen at 0, because every convolution of MATLAB has a bias.

    Args:
        image_size: (height, width) or (height, width, channels), at least 7×7.
        num_classes: outputs of the last fully connected layer.
        include_head: ``False`` ends the network after ``block14_sepconv2_act``.
        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: ``None``, or the path of a ``.pth`` or ``.safetensors`` file, saved by layergraph or with the
            names of timm and pretrainedmodels (``block1.rep.0.conv1.weight``, with the head in ``fc``).
            torchvision publishes none.
        conventions: ``"torchvision"`` follows these files: pixels from 0 to 255 become -1 to 1, poolings pad
            by 1 on all sides, and the epsilon of batch normalization is 1e-5. ``"matlab"`` pads with
            ``"same"``, has an epsilon of 0.001, and computes the range of pixels from the training data. The
            default is that of the weights, and MATLAB's without weights.

    The first two convolutions have no padding, so that features are smaller than the image divided by their
    stride; :func:`layergraph.edits.pad_same` adds padding for dense prediction.

    Raises:
        ArgumentError: an argument is out of its range, or the image is too small.

    Source: F. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017.

    >>> from layergraph.builders.backbones import xception
    >>> lgraph = xception()
    >>> len(lgraph), len(lgraph.connections)
    (170, 181)
    >>> lgraph["block3_sepconv1_channel-wise"].description
    "channel-wise groups of 1 3×3×1 convolutions with stride [1 1] and padding 'same'"
    """
    return XCEPTION.build(image_size, num_classes, include_head, width, weights, conventions)


def architecture(settings: BackboneSettings) -> LayerGraph:
    """The layers: a stem, three blocks that halve the image, eight residual blocks, two last blocks."""
    net = Assembly(settings.input("input_1", "rescale-symmetric"))
    for index, (filters, stride) in enumerate(((32, 2), (64, 1)), 1):
        name = f"block1_conv{index}"
        net.convolution(name, 3, settings.filters(filters), stride=stride, bias_learn_rate_factor=0)
        _normalize(net, settings, f"{name}_bn")
        net.relu(f"{name}_act")
    for block in (2, 3, 4):
        _pooled_block(net, settings, block)
    # As in the paper, no ReLU follows an addition; the next block starts with one, except block 14.
    for block in MIDDLE:
        start = net.last
        for index in (1, 2, 3):
            net.relu(f"block{block}_sepconv{index}_act")
            _separable(net, settings, f"block{block}_sepconv{index}", net.channels())
        net.add(AdditionLayer(2, name=f"add_{block - 1}"), (net.last, start))
    _pooled_block(net, settings, 13)
    for index, filters in enumerate(LAST, 1):
        _separable(net, settings, f"block14_sepconv{index}", settings.filters(filters))
        net.relu(f"block14_sepconv{index}_act")
    head = ("avg_pool", "predictions", "predictions_softmax", "ClassificationLayer_predictions")
    return net.classify(settings.num_classes, *head)


def _pooled_block(net: Assembly, settings: BackboneSettings, block: int) -> None:
    """Two separable convolutions and a pooling, added to a 1×1 convolution with stride 2."""
    # As in Keras, the layers of the shortcuts have numbers of their own through the network.
    start, number = net.last, 4 if block == 13 else block - 1
    for index, filters in enumerate(POOLED[block], 1):
        if (block, index) != (2, 1):  # the stem ends with a ReLU
            net.relu(f"block{block}_sepconv{index}_act")
        count = net.channels() if filters is None else settings.filters(filters)
        _separable(net, settings, f"block{block}_sepconv{index}", count)
    # Both paddings give ceil(n / 2) positions, as the strided shortcut has.
    padding: Any = 1 if settings.torchvision else "same"
    pool = net.add(MaxPooling2dLayer(3, stride=2, padding=padding, name=f"block{block}_pool"))
    options = {"stride": 2, "padding": "same", "bias_learn_rate_factor": 0}
    net.convolution(f"conv2d_{number}", 1, net.channels(), after=start, **options)
    shortcut = _normalize(net, settings, f"batch_normalization_{number}")
    # The middle blocks take the numbers 4 to 11.
    net.add(AdditionLayer(2, name=f"add_{12 if block == 13 else number}"), (pool, shortcut))


def _separable(net: Assembly, settings: BackboneSettings, name: str, filters: int) -> None:
    """A channel-wise 3×3 convolution, a 1×1 convolution, and batch normalization."""
    channels = net.channels()
    fixed: dict[str, Any] = {"bias_learn_rate_factor": 0}
    net.grouped_convolution(f"{name}_channel-wise", 3, channels, channels, padding="same", **fixed)
    # No ReLU between the two: the paper finds that training is slower and the result worse with it.
    net.convolution(f"{name}_point-wise", 1, filters, **fixed)
    _normalize(net, settings, f"{name}_bn")


def _normalize(net: Assembly, settings: BackboneSettings, name: str) -> str:
    return net.batch_normalization(name, epsilon=1e-5 if settings.torchvision else 1e-3)


def _keys() -> dict[str, str]:
    """Prefixes in the PyTorch files, which number blocks from 1 and layers with their ReLUs."""
    keys = {"predictions": "fc"}
    for index in (1, 2):
        keys |= {f"block1_conv{index}": f"conv{index}", f"block1_conv{index}_bn": f"bn{index}"}
        keys |= _separable_keys(f"block14_sepconv{index}", f"conv{index + 2}", f"bn{index + 2}")
    for block in range(2, 14):
        for index in (1, 2, 3) if block in MIDDLE else (1, 2):
            # ReLU, convolution and normalization repeat; block 2 has no ReLU at its start.
            at = 3 * index - 2 - (block == 2)
            rep = f"block{block - 1}.rep"
            keys |= _separable_keys(f"block{block}_sepconv{index}", f"{rep}.{at}", f"{rep}.{at + 1}")
    # Only the blocks that pool have a convolution in their shortcut.
    for number, block in enumerate((1, 2, 3, 12), 1):
        keys |= {
            f"conv2d_{number}": f"block{block}.skip",
            f"batch_normalization_{number}": f"block{block}.skipbn",
        }
    return keys


def _separable_keys(name: str, convolution: str, normalization: str) -> dict[str, str]:
    return {
        f"{name}_channel-wise": f"{convolution}.conv1",
        f"{name}_point-wise": f"{convolution}.pointwise",
        f"{name}_bn": normalization,
    }


XCEPTION = Backbone(
    "xception",
    architecture,
    features={2: "block1_conv2_act", 4: "add_1", 8: "add_2", 16: "add_11", 32: "block14_sepconv2_act"},
    last_feature="block14_sepconv2_act",
    image_size=(299, 299, 3),
    keys=_keys(),
)
