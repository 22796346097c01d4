"""DeepLab v2: the sum of classifiers that see the same features through windows of several dilations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from layergraph.builders.backbones import find_backbone
from layergraph.builders.backbones.backbone import Conventions, WeightsSource, scaled_filters
from layergraph.builders.parts.builder_arguments import image_channels
from layergraph.builders.parts.dilated_vgg import (
    CLASSIFIER,
    append,
    classifier,
    dilated_encoder,
    with_upsampled_scores,
)
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import AdditionLayer, Convolution2dLayer, Layer
from layergraph.layers.arguments import whole

ENCODERS = ("vgg16", "resnet101")


def deeplabv2_layers(
    image_size: Sequence[int],
    num_classes: int,
    backbone: Literal["vgg16", "resnet101"] = "resnet101",
    *,
    rates: Sequence[int] = (6, 12, 18, 24),
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """DeepLab v2, which gives scores at every 8th pixel and resizes them to the image.

    Args:
        image_size: (height, width) or (height, width, channels), of any size.
        num_classes: number of classes, at least 2.
        backbone: ``"resnet101"``, whose branches are a 3×3 convolution to the classes each, or ``"vgg16"``,
            whose branches are whole classifiers ``fc6_k`` to ``fc8_k`` with 1024 filters.
        rates: dilation of each branch, at least two. (6, 12, 18, 24) is the paper's ASPP-L, (2, 4, 8, 12) its
            ASPP-S.
        width: multiplies every number of filters, rounded to a multiple of 8: small nets for trying out.
        weights: of the backbone: ``None``, ``"imagenet"``, or the path of a ``.pth`` or ``.safetensors``
            file.
        conventions: of the backbone: ``"matlab"`` or ``"torchvision"``; by default those of the weights.

    The last two subsamplings are replaced by dilation 2 and 4. The branches are summed at the scores (layer
    ``sumAspp``); the convolutions to the classes learn 10 times faster. Two more steps of the paper are no
    layers: the maximum over scales of the image is :class:`layergraph.segmentation.MultiScale`, the dense CRF
    at the end :func:`layergraph.segmentation.predictors.dense_crf`.

    Source: L.-C. Chen, G. Papandreou, I. Kokkinos, K. Murphy, A. L. Yuille, "DeepLab: Semantic Image
    Segmentation with Deep Convolutional Nets, Atrous Convolution, and Fully Connected CRFs", PAMI 2018.

    >>> from layergraph.builders import deeplabv2_layers
    >>> lgraph = deeplabv2_layers((321, 321), num_classes=21, backbone="vgg16")
    >>> [lgraph[f"fc6_{k}"].dilation_factor for k in (1, 2, 3, 4)]
    [(6, 6), (12, 12), (18, 18), (24, 24)]
    """
    builder = "deeplabv2_layers"
    size = image_channels(builder, image_size, 2, default=3)
    whole(builder, "num_classes", num_classes, 2)
    encoder = find_backbone(builder, backbone, ENCODERS)
    if not isinstance(rates, (list, tuple)) or len(rates) < 2:
        raise ArgumentError(f"{builder}: rates is a sequence of at least two whole numbers, got {rates!r}")
    dilations = [whole(builder, "a rate", rate) for rate in rates]
    lgraph = dilated_encoder(encoder, size, 8, width=width, weights=weights, conventions=conventions)
    filters = scaled_filters(1024, width)
    lgraph = lgraph.add_layers(AdditionLayer(len(dilations), name="sumAspp"))
    for k, rate in enumerate(dilations, 1):
        branch: list[Layer]
        if encoder.name == "vgg16":
            branch = classifier(f"_{k}", 3, rate, filters, num_classes)
        else:
            branch = [
                Convolution2dLayer(
                    3, num_classes, dilation_factor=rate, padding="same", name=f"aspp_Conv_{k}", **CLASSIFIER
                )
            ]
        lgraph = append(lgraph, branch, encoder.last_feature)
        lgraph = lgraph.connect_layers(branch[-1].name, f"sumAspp/in{k}")
    return with_upsampled_scores(builder, lgraph, "sumAspp")
