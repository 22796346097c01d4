"""DeepLab v1: VGG-16 without its last two strides, and a classifier with a large field of view."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.builders.backbones import find_backbone
from layergraph.builders.backbones.backbone import Conventions, WeightsSource, scaled_filters
from layergraph.builders.parts.builder_arguments import image_channels
from layergraph.builders.parts.deeplab import append_layers, dilated_encoder, upsample_scores, vgg_classifier
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers.arguments import whole


def deeplabv1_layers(
    image_size: Sequence[int],
    num_classes: int,
    *,
    kernel_size: int = 3,
    rate: int = 12,
    num_filters: int = 1024,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """DeepLab v1 on VGG-16, with scores of stride 8 that are resized to the image.

    Args:
        image_size: (height, width) or (height, width, channels), of any size.
        num_classes: number of classes, at least 2.
        kernel_size, rate, num_filters: filter size and dilation of ``fc6``, and filters of ``fc6`` and
            ``fc7``. The models of the paper:

            ============  ===========  ====  ===========  =============  ==========
            model         kernel_size  rate  num_filters  field of view  learnables
            ============  ===========  ====  ===========  =============  ==========
            LargeFOV      3            12    1024         224            20.5 M
            7x7           7            4     4096         224            134.3 M
            4x4           4            8     4096         224            65.1 M
            4x4, smaller  4            4     4096         128            65.1 M
            ============  ===========  ====  ===========  =============  ==========

        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: initial weights of the convolutions of VGG-16: ``None``, ``"imagenet"``, or the path of a
            ``.pth`` or ``.safetensors`` file.
        conventions: of the backbone: ``"matlab"`` or ``"torchvision"``; by default those of the weights.

    The last two poolings have stride 1, and the last three convolutions of VGG-16 have dilation 2. Layers
    ``fc6`` to ``fc8`` are VGG's classifier as convolutions; ``fc8`` learns 10 times faster. The last step of
    the paper, the dense CRF, is not a layer: give the scores and the image to
    :func:`layergraph.segmentation.predictors.dense_crf`.

    Source: L.-C. Chen, G. Papandreou, I. Kokkinos, K. Murphy, A. L. Yuille, "Semantic Image Segmentation with
    Deep Convolutional Nets and Fully Connected CRFs", ICLR 2015.

    >>> from layergraph.builders import deeplabv1_layers
    >>> lgraph = deeplabv1_layers((321, 321), num_classes=21)
    >>> lgraph["conv5_1"].description
    "512 3×3×512 convolutions with stride [1 1], dilation factor [2 2], and padding 'same'"
    >>> lgraph["fc6"].description
    "1024 3×3 convolutions with stride [1 1], dilation factor [12 12], and padding 'same'"
    """
    builder = "deeplabv1_layers"
    size = image_channels(builder, image_size, 2, default=3)
    num_classes = whole(builder, "num_classes", num_classes, 2)
    kernel_size = whole(builder, "kernel_size", kernel_size)
    rate = whole(builder, "rate", rate)
    num_filters = whole(builder, "num_filters", num_filters)
    vgg16 = find_backbone(builder, "vgg16")
    # Poolings 4 and 5 lose their stride, which leaves the paper's stride of 8.
    lgraph = dilated_encoder(vgg16, size, 8, width=width, weights=weights, conventions=conventions)
    filters = scaled_filters(num_filters, width)
    # The classifier follows ``pool5``, which only loses its stride.
    lgraph = append_layers(
        lgraph, vgg_classifier("", kernel_size, rate, filters, num_classes), vgg16.last_feature
    )
    return upsample_scores(builder, lgraph, "fc8")
