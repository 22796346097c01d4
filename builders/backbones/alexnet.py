"""AlexNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layergraph.builders.backbones.assembly import Assembly
from layergraph.builders.backbones.backbone import Backbone, BackboneSettings, Conventions, WeightsSource
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    CrossChannelNormalizationLayer,
    MaxPooling2dLayer,
)

# Filter size, stride, padding, groups, and filters in MATLAB's network and in torchvision's.
CONVOLUTIONS = (
    (11, 4, 0, 1, 96, 64),
    (5, 1, 2, 2, 256, 192),
    (3, 1, 1, 1, 384, 384),
    (3, 1, 1, 2, 384, 256),
    (3, 1, 1, 2, 256, 256),
)
NORMALIZED = (1, 2)
POOLED = (1, 2, 5)


def alexnet(
    image_size: Sequence[int] = (227, 227, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """AlexNet with MATLAB's layer names (``alexnet``): 25 layers, 60,965,224 learnables.

    Args:
        image_size: (height, width) or (height, width, channels), at least 67×67 (63×63 with torchvision's
            conventions).
        num_classes: outputs of the last fully connected layer.
        include_head: ``False`` ends the network after ``pool5``.
        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: ``None``, ``"imagenet"`` (torchvision's published file), or the path of a ``.pth`` or
            ``.safetensors`` file. Published weights need images for which ``pool5`` is 6×6, usually 224×224
            or 227×227.
        conventions: ``"matlab"`` is the network of the first paper: three convolutions have two groups, and
            the first two are normalized across channels (with k = 1 as in the published weights; the paper
            has 2). ``"torchvision"`` is the network of the second paper: fewer filters, no groups, no
            ``norm1`` and ``norm2``, a padded ``conv1``; 23 layers, 61,100,840 learnables. The default is that
            of the weights, and MATLAB's without weights.

    Raises:
        ArgumentError: an argument is out of its range, or the image is too small.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional Neural
    Networks", NIPS 2012; A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks",
    arXiv:1404.5997, 2014.

    >>> from layergraph.builders.backbones import alexnet
    >>> lgraph = alexnet()
    >>> len(lgraph), lgraph["conv2"].description
    (25, '2 groups of 128 5×5×48 convolutions with stride [1 1] and padding [2 2 2 2]')
    >>> len(alexnet(conventions="torchvision"))
    23
    """
    return ALEXNET.build(image_size, num_classes, include_head, width, weights, conventions)


def architecture(settings: BackboneSettings) -> LayerGraph:
    """The layers of MATLAB's or torchvision's network."""
    net = Assembly(settings.input("data", "zerocenter"))
    # As in Caffe's AlexNet, biases learn twice as fast as weights.
    bias: dict[str, Any] = {"bias_learn_rate_factor": 1.0 if settings.torchvision else 2.0}
    for index, (size, stride, padding, groups, matlab, torchvision) in enumerate(CONVOLUTIONS, 1):
        filters = settings.filters(torchvision if settings.torchvision else matlab)
        # torchvision pads conv1, so that images of 224×224 also end with 6×6 features.
        if settings.torchvision and index == 1:
            padding = 2
        options = {"stride": stride, "padding": padding, **bias}
        # The groups stem from the two GPUs of the first paper; torchvision's network has none.
        if groups == 1 or settings.torchvision:
            net.convolution(f"conv{index}", size, filters, **options)
        else:
            net.grouped_convolution(f"conv{index}", size, filters, groups, **options)
        net.relu(f"relu{index}")
        if index in NORMALIZED and not settings.torchvision:
            net.add(CrossChannelNormalizationLayer(5, k=1, name=f"norm{index}"))
        if index in POOLED:
            net.add(MaxPooling2dLayer(3, stride=2, name=f"pool{index}"))
    return net.classify_fully_connected(settings.num_classes, settings.filters(4096), **bias)


ALEXNET = Backbone(
    "alexnet",
    architecture,
    # ``relu1`` and ``relu2``, because torchvision's network has no ``norm1`` and ``norm2``.
    features={4: "relu1", 8: "relu2", 16: "relu5", 32: "pool5"},
    last_feature="pool5",
    image_size=(227, 227, 3),
    keys={
        # torchvision counts all modules, so ReLUs, poolings and dropouts take numbers too.
        **{f"conv{index}": f"features.{at}" for index, at in enumerate((0, 3, 6, 8, 10), 1)},
        **{f"fc{index}": f"classifier.{at}" for index, at in ((6, 1), (7, 4), (8, 6))},
    },
    url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
)
