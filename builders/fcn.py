"""FCN: a classifier made fully convolutional, whose scores are brought back to the size of the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from layergraph.builders.backbones import find_backbone
from layergraph.builders.backbones.backbone import Conventions, WeightsSource
from layergraph.builders.parts.builder_arguments import check_image_size, image_channels
from layergraph.edits import cut_after, fully_convolutional, with_input_size
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AdditionLayer,
    Convolution2dLayer,
    Crop2dLayer,
    Layer,
    MaxPooling2dLayer,
    PixelClassificationLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
)
from layergraph.layers.arguments import choice, whole

BACKBONES = ("alexnet", "vgg16", "vgg19")
FUSED = {"32s": 0, "16s": 1, "8s": 2}  # how many poolings are scored too


def fcn_layers(
    image_size: Sequence[int],
    num_classes: int,
    type: Literal["8s", "16s", "32s"] = "8s",
    *,
    backbone: str = "vgg16",
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """FCN-8s, FCN-16s or FCN-32s with MATLAB's layer names (``fcnLayers``).

    The backbone's fully connected layers ``fc6`` and ``fc7`` become convolutions, with their weights, and
    its first convolution pads the image by 100. The classes are scored at stride 32, for ``"16s"`` also at
    the last pooling but one and for ``"8s"`` at the one before that too. Scores are upsampled by transposed
    convolutions that start bilinear and are frozen, cropped at the centre, and added.

    Poolings round down and crops are central, as in MATLAB. In the paper poolings round up and crops have
    fixed offsets; on a VGG both agree to the pixel where height and width are 26 more than a multiple of 32
    (346×474, 506×506), and elsewhere the scores are moved by up to 16 pixels.

    Args:
        image_size: (height, width), or (height, width, channels); at least 26×26 with a VGG, 27×27 with
            AlexNet, else of any size.
        num_classes: number of classes, at least 2.
        type: by how much the last upsampling enlarges: ``"8s"``, ``"16s"`` or ``"32s"``.
        backbone: ``"vgg16"``, ``"vgg19"`` or ``"alexnet"`` (with which the paper has only ``"32s"``).
        width: multiplies every number of filters of the backbone: small nets for trying out.
        weights: ``None``, ``"imagenet"``, or the path of a file with weights of the backbone.
        conventions: whose details to follow where MATLAB and torchvision differ; see the backbone.

    Raises:
        ArgumentError: an argument out of its range; for an image that is too small, the message names
            the smallest that fits.

    Source: J. Long, E. Shelhamer, T. Darrell, "Fully Convolutional Networks for Semantic Segmentation",
    CVPR 2015.

    >>> from layergraph.builders import fcn_layers
    >>> lgraph = fcn_layers((360, 480), 11)
    >>> len(lgraph), len(lgraph.connections)
    (51, 55)
    >>> lgraph["fc6"].description
    '4096 7×7×512 convolutions with stride [1 1] and padding [0 0 0 0]'
    """
    builder = "fcn_layers"
    size = image_channels(builder, image_size, 2, default=3)
    whole(builder, "num_classes", num_classes, 2)
    choice(builder, "type", type, tuple(FUSED))
    found = find_backbone(builder, backbone, BACKBONES)

    own_size = (*found.image_size[:2], size[-1])
    lgraph = found.build(own_size, 1000, True, width, weights, conventions, fixed_channels=True)
    lgraph = cut_after(fully_convolutional(lgraph), "drop7")
    lgraph = with_input_size(lgraph, size)
    lgraph = _padded(lgraph, 100)
    # the last pooling is at stride 32, and each before it at half the stride of the next
    poolings = [layer.name for layer in lgraph.layers if isinstance(layer, MaxPooling2dLayer)]
    fused = poolings[-2::-1][: FUSED[type]]
    return check_image_size(builder, _scored(lgraph, num_classes, fused))


def _padded(lgraph: LayerGraph, margin: int) -> LayerGraph:
    """The graph whose first convolution pads the image by this margin."""
    first = next(layer for layer in lgraph.layers if isinstance(layer, Convolution2dLayer))
    return lgraph.replace_layer(first.name, replace(first, padding=margin))


def _scored(lgraph: LayerGraph, num_classes: int, fused: Sequence[str]) -> LayerGraph:
    """The graph with the scores of its last layer, and of these poolings, at the size of its input."""

    def score(name: str) -> Layer:
        return Convolution2dLayer(1, num_classes, name=name)

    factor = 32 // 2 ** len(fused)
    layers = [score("score_fr")]
    upsampling = "upscore2"
    for pooling in fused:
        layers += [_upsampling(upsampling, num_classes, 2), AdditionLayer(2, name=_fusion(pooling, fused))]
        upsampling = f"upscore_{pooling}"
    layers += [
        _upsampling(f"upscore{factor}" if fused else "upscore", num_classes, factor),
        Crop2dLayer("centercrop", name="score"),
        SoftmaxLayer(name="softmax"),
        PixelClassificationLayer(name="pixelLabels"),
    ]
    (image,), last = lgraph.input_names, [*lgraph][-1]
    lgraph = lgraph.add_layers(layers).connect_layers(last, "score_fr").connect_layers(image, "score/ref")
    for pooling in fused:
        name, crop, fuse = f"score_{pooling}", f"score_{pooling}c", _fusion(pooling, fused)
        upsampled = lgraph.sources(fuse)["in1"].layer
        lgraph = lgraph.add_layers([score(name), Crop2dLayer("centercrop", name=crop)])
        lgraph = lgraph.connect_layers(pooling, name).connect_layers(upsampled, f"{crop}/ref")
        lgraph = lgraph.connect_layers(crop, f"{fuse}/in2")
    return lgraph


def _fusion(pooling: str, fused: Sequence[str]) -> str:
    """The name of the addition of this pooling's scores, which MATLAB numbers only where there are two."""
    return "fuse" if len(fused) == 1 else f"fuse_{pooling}"


def _upsampling(name: str, num_classes: int, factor: int) -> Layer:
    """Bilinear upsampling of each class by itself, which training leaves as it is."""
    return TransposedConv2dLayer(
        2 * factor,
        num_classes,
        stride=factor,
        num_channels=num_classes,
        weights_initializer="bilinear",
        weight_learn_rate_factor=0,
        bias_learn_rate_factor=0,
        weight_l2_factor=0,
        bias_l2_factor=0,
        name=name,
    )
