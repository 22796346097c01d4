"""DeepLab v2: the sum of classifiers of the same features with several dilations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from layergraph.builders.backbones import find_backbone
from layergraph.builders.backbones.backbone import Conventions, WeightsSource, scaled_filters
from layergraph.builders.parts.builder_arguments import image_channels
from layergraph.builders.parts.deeplab import (
    NEW_LAYER,
    append_layers,
    dilated_encoder,
    upsample_scores,
    vgg_classifier,
)
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import AdditionLayer, Convolution2dLayer, Layer
from layergraph.layers.arguments import whole
from layergraph.wording import quoted

Deeplabv2Backbone = Literal["vgg16", "resnet101"]


def deeplabv2_layers(
    image_size: Sequence[int],
    num_classes: int,
    backbone: Deeplabv2Backbone = "resnet101",
    *,
    rates: Sequence[int] = (6, 12, 18, 24),
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """DeepLab v2, with scores of stride 8 that are resized to the image.

    Args:
        image_size: (height, width) or (height, width, channels), of any size.
        num_classes: number of classes, at least 2.
        backbone: ``"resnet101"``, with one 3×3 convolution to the classes per branch, or ``"vgg16"``, with
            the whole classifier ``fc6_k`` to ``fc8_k`` with 1024 filters per branch.
        rates: dilation of each branch, two branches or more. (6, 12, 18, 24) is ASPP-L of the paper, (2, 4,
            8, 12) is ASPP-S.
        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: initial weights of the backbone: ``None``, ``"imagenet"``, or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: of the backbone: ``"matlab"`` or ``"torchvision"``; by default those of the weights.

    The last two strides of the backbone are replaced by dilations 2 and 4. Layer ``sumAspp`` adds the scores
    of the branches; the convolutions to the classes learn 10 times faster. Two steps of the paper are not
    layers: the maximum over scales of the image is :class:`layergraph.segmentation.MultiScale`, the dense CRF
    is :func:`layergraph.segmentation.predictors.dense_crf`.

    Source: L.-C. Chen, G. Papandreou, I. Kokkinos, K. Murphy, A. L. Yuille, "DeepLab: Semantic Image
    Segmentation with Deep Convolutional Nets, Atrous Convolution, and Fully Connected CRFs", PAMI 2018.

    >>> from layergraph.builders import deeplabv2_layers
    >>> lgraph = deeplabv2_layers((321, 321), num_classes=21, backbone="vgg16")
    >>> [lgraph[f"fc6_{k}"].dilation_factor for k in (1, 2, 3, 4)]
    [(6, 6), (12, 12), (18, 18), (24, 24)]
    """
    builder = "deeplabv2_layers"
    size = image_channels(builder, image_size, 2, default=3)
    num_classes = whole(builder, "num_classes", num_classes, 2)
    encoder = find_backbone(builder, backbone, get_args(Deeplabv2Backbone))
    # An addition needs two inputs or more.
    if not isinstance(rates, (list, tuple)) or len(rates) < 2:
        raise ArgumentError(
            f"{builder}: rates must be a sequence of two or more whole numbers, got {quoted(rates)}"
        )
    dilations = [whole(builder, "a rate", rate) for rate in rates]
    lgraph = dilated_encoder(encoder, size, 8, width=width, weights=weights, conventions=conventions)
    filters = scaled_filters(1024, width)
    # The sum comes first, because each branch is connected to it when it is added.
    lgraph = lgraph.add_layers(AdditionLayer(len(dilations), name="sumAspp"))
    for k, rate in enumerate(dilations, 1):
        branch: list[Layer]
        # As in the paper, only VGG has a classifier with hidden layers in each branch.
        if encoder.name == "vgg16":
            branch = vgg_classifier(f"_{k}", 3, rate, filters, num_classes)
        else:
            branch = [
                Convolution2dLayer(
                    3, num_classes, dilation_factor=rate, padding="same", name=f"aspp_Conv_{k}", **NEW_LAYER
                )
            ]
        lgraph = append_layers(lgraph, branch, encoder.last_feature)
        lgraph = lgraph.connect_layers(branch[-1].name, f"sumAspp/in{k}")
    return upsample_scores(builder, lgraph, "sumAspp")
