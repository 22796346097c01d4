"""DeepLab v3+: atrous spatial pyramid pooling, and a decoder that joins features of stride 4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from layergraph.builders.backbones import find_backbone
from layergraph.builders.backbones.backbone import Conventions, WeightsSource, scaled_filters
from layergraph.builders.parts.aspp import aspp, convolution_unit
from layergraph.builders.parts.builder_arguments import check_image_size, image_channels
from layergraph.builders.parts.deeplab import append_layers, dilated_encoder
from layergraph.edits import cut_after
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    Convolution2dLayer,
    Crop2dLayer,
    DepthConcatenationLayer,
    Layer,
    PixelClassificationLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
)
from layergraph.layers.arguments import whole
from layergraph.wording import quoted


class Encoder(NamedTuple):
    """The layers of a backbone that DeepLab v3+ joins or changes.

    Attributes:
        low: features for the decoder.
        high: features for the pyramid.
        separable: whether the 3×3 convolutions of pyramid and decoder are separable in MATLAB.
        same: layers that get the padding ``"same"``, as in MATLAB's helper.
    """

    low: str
    high: str
    separable: bool = False
    same: tuple[str, ...] = ()


Deeplabv3plusNetwork = Literal[
    "resnet18", "resnet50", "resnet101", "mobilenetv2", "xception", "inceptionresnetv2"
]
ENCODERS: Mapping[Deeplabv3plusNetwork, Encoder] = {
    # MATLAB's helper also changes the padding of layers whose stride it leaves at 2.
    "resnet18": Encoder("res2b_relu", "res5b_relu", same=("res4a_branch2a", "res4a_branch1")),
    "resnet50": Encoder("activation_10_relu", "activation_49_relu", same=("max_pooling2d_1",)),
    "resnet101": Encoder("res2c_relu", "res5c_relu"),
    "mobilenetv2": Encoder("block_3_expand_relu", "block_16_project_BN", separable=True),
    "xception": Encoder("add_1", "block14_sepconv2_act", separable=True),
    "inceptionresnetv2": Encoder("activation_5", "conv_7b_ac"),
}

RATES = {16: (6, 12, 18), 8: (12, 24, 36)}  # dilations of the pyramid by downsampling factor


def deeplabv3plus_layers(
    image_size: Sequence[int],
    num_classes: int,
    network: Deeplabv3plusNetwork,
    *,
    downsampling_factor: Literal[8, 16] = 16,
    separable_convolutions: bool | Literal["auto"] = "auto",
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """DeepLab v3+ with MATLAB's layer names and decoder (``deeplabv3plusLayers``).

    Args:
        image_size: (height, width) or (height, width, channels), of any size.
        num_classes: number of classes, at least 2.
        network: the backbone: ``"resnet18"``, ``"resnet50"``, ``"resnet101"``, ``"mobilenetv2"``,
            ``"xception"`` or ``"inceptionresnetv2"``.
        downsampling_factor: stride of the encoder, 16 or 8. With 8, stages 4 and 5 are dilated and the
            dilations of the pyramid double, which gives finer features for more time and memory.
        separable_convolutions: whether each 3×3 convolution of pyramid and decoder is split into a depthwise
            and a 1×1 convolution. ``"auto"`` splits them as MATLAB does, for MobileNetV2 and Xception.
        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: initial weights of the backbone: ``None``, ``"imagenet"``, or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: of the backbone: ``"matlab"`` or ``"torchvision"``; by default those of the weights.

    The layers of pyramid and decoder learn 10 times faster than the backbone, and their biases are frozen.
    Two frozen transposed convolutions upsample bilinearly; a crop follows each. Unlike the paper's network,
    MATLAB's has no image-level features. With Inception-ResNet-v2, the decoder joins ``activation_5``, the
    features of stride 4 before the second pooling.

    Source: L.-C. Chen, Y. Zhu, G. Papandreou, F. Schroff, H. Adam, "Encoder-Decoder with Atrous Separable
    Convolution for Semantic Image Segmentation", ECCV 2018.

    >>> from layergraph.builders import deeplabv3plus_layers
    >>> deeplabv3plus_layers((720, 960), num_classes=11, network="resnet18")
    LayerGraph with properties:
    <BLANKLINE>
             layers: 100 layers
        connections: 113 connections
        input_names: ['data']
       output_names: ['classification']
    """
    builder = "deeplabv3plus_layers"
    size = image_channels(builder, image_size, 2, default=3)
    num_classes = whole(builder, "num_classes", num_classes, 2)
    backbone = find_backbone(builder, network, ENCODERS, "network")
    if downsampling_factor not in RATES:
        raise ArgumentError(
            f"{builder}: downsampling_factor must be 8 or 16, got {quoted(downsampling_factor)}"
        )
    encoder = ENCODERS[network]
    if not (isinstance(separable_convolutions, bool) or separable_convolutions == "auto"):
        raise ArgumentError(
            f"{builder}: separable_convolutions must be 'auto', True or False, got "
            f"{quoted(separable_convolutions)}"
        )
    separable = encoder.separable if separable_convolutions == "auto" else separable_convolutions

    # A file of weights is read here, because its conventions also decide on the paddings below.
    settings, file = backbone.settings(size, num_classes, width, weights, conventions)
    resolved = "torchvision" if settings.torchvision else "matlab"
    options = {"width": width, "weights": file, "conventions": resolved}
    # 1. Encoder
    lgraph = cut_after(dilated_encoder(backbone, size, downsampling_factor, **options), encoder.high)
    # The published weights of torchvision need their own padding, so only MATLAB's backbone changes.
    for name in encoder.same if not settings.torchvision else ():
        layer: Any = lgraph[name]
        lgraph = lgraph.replace_layer(name, replace(layer, padding="same"))
    # 2. Pyramid, and after it the decoder; both are new, so they learn 10 times faster.
    lgraph = aspp(
        lgraph,
        encoder.high,
        RATES[downsampling_factor],
        scaled_filters(256, width),
        separable=separable,
        weight_learn_rate_factor=10,
    )
    scale = downsampling_factor // 4  # from the encoder's stride to that of the low-level features
    return check_image_size(builder, _with_decoder(lgraph, num_classes, width, encoder.low, scale, separable))


def _with_decoder(
    lgraph: LayerGraph, num_classes: int, width: float, low: str, scale: int, separable: bool
) -> LayerGraph:
    """The graph with MATLAB's decoder, which upsamples the pyramid by ``scale`` to stride 4, then by 4."""

    def unit(index: int, size: int, filters: int) -> list[Layer]:
        return convolution_unit(
            (f"dec_c{index}", f"dec_bn{index}", f"dec_relu{index}"),
            size,
            filters,
            padding="same" if size > 1 else 0,
            separable=separable and size > 1,
            weight_learn_rate_factor=10,
        )

    filters = scaled_filters(256, width)
    pyramid = [*unit(1, 1, filters), *_upsampling(1, filters, scale)]
    lgraph = append_layers(lgraph, pyramid, "catAspp")
    # 48 as in the paper: more low-level channels would outweigh the 256 of the pyramid.
    lgraph = append_layers(lgraph, unit(2, 1, scaled_filters(48, width)), low)
    scorer = Convolution2dLayer(
        1, num_classes, weight_learn_rate_factor=10, bias_learn_rate_factor=0, name="scorer"
    )
    joined = [
        DepthConcatenationLayer(2, name="dec_cat1"),
        *unit(3, 3, filters),
        *unit(4, 3, filters),
        scorer,
        *_upsampling(2, num_classes, 4),
        SoftmaxLayer(name="softmax-out"),
        PixelClassificationLayer(name="classification"),
    ]
    # The crops follow references: features have ceil(n / stride) rows, so that upsampled ones can
    # have more than the low-level features or the image.
    lgraph = append_layers(lgraph, joined, "dec_relu2")
    lgraph = lgraph.connect_layers("dec_relu2", "dec_crop1/ref").connect_layers("dec_crop1", "dec_cat1/in2")
    return lgraph.connect_layers(lgraph.input_names[0], "dec_crop2/ref")


def _upsampling(index: int, channels: int, scale: int) -> list[Layer]:
    """A frozen bilinear upsampling, and the crop to the size of a reference."""
    return [
        TransposedConv2dLayer(
            # Windows of twice the stride: each pixel interpolates two positions per direction.
            2 * scale,
            channels,
            stride=scale,
            # Leaves ``scale`` times the input size, because ``scale`` is even.
            cropping=scale // 2,
            num_channels=channels,
            weights_initializer="bilinear",
            weight_learn_rate_factor=0,
            bias_learn_rate_factor=0,
            name=f"dec_upsample{index}",
        ),
        Crop2dLayer("centercrop", name=f"dec_crop{index}"),
    ]
