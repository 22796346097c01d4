"""SegNet: an encoder that pools, and a decoder that unpools by the indices it remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from layergraph.builders.backbones import find_backbone
from layergraph.builders.backbones.backbone import Conventions, Weights
from layergraph.builders.parts.builder_arguments import filter_window, image_channels, layer_counts, poolings
from layergraph.builders.parts.unpooling import check_poolings, with_unpooling
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    BatchNormalizationLayer,
    Convolution2dLayer,
    ImageInputLayer,
    Layer,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.layers.arguments import choice, per_dimension, whole

VggModel = Literal["vgg16", "vgg19"]
_VGG = ("vgg16", "vgg19")


def segnet_layers(
    image_size: Sequence[int],
    num_classes: int,
    encoder_depth: int | VggModel,
    *,
    num_convolution_layers: int | Sequence[int] | None = None,
    num_output_channels: int | Sequence[int] | None = None,
    filter_size: int | Sequence[int] | None = None,
    width: float = 1.0,
    weights: Weights = None,
    conventions: Conventions = "auto",
) -> LayerGraph:
    """SegNet with MATLAB's layer names (``segnetLayers``), by the depth of its encoder or on VGG.

    Args:
        image_size: (height, width, channels), or (height, width) of grey images by depth and of colour
            images on VGG. Any height and width of at least 2^poolings: unpooling restores odd sizes.
        num_classes: number of classes, at least 2.
        encoder_depth: number of poolings; the image gets smaller by 2^encoder_depth. Or ``"vgg16"`` or
            ``"vgg19"``: the paper's encoder, with 13 or 16 convolutions and five poolings.
        num_convolution_layers: convolutions in each encoder section, one number or one a section; 2 by
            default. This and the next two are for an encoder by depth.
        num_output_channels: filters in each encoder section, one number or one a section; 64 by default.
        filter_size: odd height and width of the filters, one number or two; 3 by default.
        width: multiplies every number of filters of VGG, rounded to a multiple of 8; the decoder follows.
        weights: the encoder's, on VGG: ``None``, ``"imagenet"``, or the path of a file, as for
            :func:`layergraph.builders.backbones.vgg16`.
        conventions: on VGG, whose normalization of the input to follow: ``"matlab"``, ``"torchvision"``, or
            ``"auto"``: that of the weights, and MATLAB's without them.

    The decoder mirrors the encoder: the last convolution of its section d has the channels of encoder
    section d - 1, and of section 1 the classes. Every convolution, the last one too, is followed by batch
    normalization and ReLU, and its bias is frozen: at 0, or at that of the weights given.

    Raises:
        ArgumentError: an argument that is not as above; an image that is too small, with the size that
            is needed.

    Source: V. Badrinarayanan, A. Kendall, R. Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder
    Architecture for Image Segmentation", PAMI 2017; weights start as in He et al., ICCV 2015.

    >>> from layergraph.builders import segnet_layers
    >>> segnet_layers((480, 640, 3), num_classes=5, encoder_depth=4)
    LayerGraph with properties:
    <BLANKLINE>
             layers: 59 layers
        connections: 66 connections
        input_names: ['inputImage']
       output_names: ['pixelLabels']
    >>> len(segnet_layers((360, 480), 11, "vgg16"))
    91
    """
    by_depth = {
        "num_convolution_layers": num_convolution_layers,
        "num_output_channels": num_output_channels,
        "filter_size": filter_size,
    }
    on_vgg = {"width": width, "weights": weights, "conventions": conventions}
    return segnet("segnet_layers", image_size, num_classes, encoder_depth, by_depth, on_vgg)


def segnet(
    builder: str,
    image_size: Sequence[int],
    num_classes: int,
    encoder_depth: int | str,
    by_depth: Mapping[str, Any],
    on_vgg: Mapping[str, Any],
) -> LayerGraph:
    """SegNet for any builder; ``by_depth`` and ``on_vgg`` are the options that only one form takes."""
    whole(builder, "num_classes", num_classes, 2)
    if isinstance(encoder_depth, str):
        or_else = "a whole number from 1 to 30"
        choice(builder, "encoder_depth", encoder_depth, _VGG, or_else=or_else)
        given = [name for name, value in by_depth.items() if value is not None]
        other = f"an encoder by depth, not for {encoder_depth!r}; width changes its filters"
    else:
        poolings(builder, encoder_depth)
        neutral = {"width": 1, "weights": None, "conventions": "auto"}
        given = [name for name, value in on_vgg.items() if value != neutral[name]]
        other = f"'vgg16' and 'vgg19', not for encoder_depth={encoder_depth}"
    if given:
        raise ArgumentError(f"{builder}: {given[0]} is for {other}")
    if isinstance(encoder_depth, str):
        return _on_vgg(builder, image_size, num_classes, encoder_depth, on_vgg)
    return _by_depth(builder, image_size, num_classes, encoder_depth, by_depth)


def _by_depth(
    builder: str, image_size: Sequence[int], num_classes: int, depth: int, options: Mapping[str, Any]
) -> LayerGraph:
    size = image_channels(builder, image_size, 2)
    given = {name: value for name, value in options.items() if value is not None}
    count = given.get("num_convolution_layers", 2)
    convolutions = layer_counts(builder, "num_convolution_layers", count, depth)
    maps = given.get("num_output_channels", 64)
    filters = per_dimension(builder, "num_output_channels", maps, depth)
    window = filter_window(builder, given.get("filter_size", 3), 2)
    check_poolings(builder, size, depth)
    layers: list[Layer] = [ImageInputLayer(size, name="inputImage")]
    channels = size[-1]
    for stage in range(1, depth + 1):
        for index in range(1, convolutions[stage - 1] + 1):
            layers += _convolution("encoder", stage, index, window, channels, filters[stage - 1])
            channels = filters[stage - 1]
        name = f"encoder{stage}_maxpool"
        layers.append(MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name=name))
    return with_unpooling([*layers, *_decoder(num_classes, convolutions, filters, window)])


def _on_vgg(
    builder: str, image_size: Sequence[int], num_classes: int, model: str, options: Mapping[str, Any]
) -> LayerGraph:
    """The layers of VGG, with a batch normalization behind each convolution."""
    size = image_channels(builder, image_size, 2, default=3)
    check_poolings(builder, size, 5)
    layers: list[Layer] = []
    convolutions, filters = [0] * 5, [0] * 5
    for layer in find_backbone(builder, model, _VGG).encoder(size, **options).layers:
        if isinstance(layer, ImageInputLayer):
            layers.append(replace(layer, name="inputImage"))
        elif isinstance(layer, Convolution2dLayer):
            section = sum(isinstance(before, MaxPooling2dLayer) for before in layers)
            convolutions[section] += 1
            filters[section] = layer.num_filters
            layers.append(replace(layer, weights_initializer="he", bias_learn_rate_factor=0))
            layers.append(BatchNormalizationLayer(name=f"bn_{layer.name}"))
        elif isinstance(layer, MaxPooling2dLayer):
            layers.append(replace(layer, has_unpooling_outputs=True))
        else:
            layers.append(layer)
    return with_unpooling([*layers, *_decoder(num_classes, convolutions, filters, (3, 3))])


def _decoder(
    num_classes: int, convolutions: Sequence[int], filters: Sequence[int], window: tuple[int, ...]
) -> list[Layer]:
    """The mirror image of an encoder with these convolutions and filters in its sections."""
    layers: list[Layer] = []
    channels = filters[-1]
    for stage in range(len(filters), 0, -1):
        layers.append(MaxUnpooling2dLayer(name=f"decoder{stage}_unpool"))
        last = num_classes if stage == 1 else filters[stage - 2]
        for index in range(convolutions[stage - 1], 0, -1):
            outputs = last if index == 1 else filters[stage - 1]
            layers += _convolution("decoder", stage, index, window, channels, outputs)
            channels = outputs
    return [*layers, SoftmaxLayer(name="softmax"), PixelClassificationLayer(name="pixelLabels")]


def _convolution(
    side: str, stage: int, index: int, window: tuple[int, ...], channels: int, filters: int
) -> list[Layer]:
    section = f"{side}{stage}"
    height, width = window
    return [
        Convolution2dLayer(
            window,
            filters,
            padding=(height // 2, width // 2),
            num_channels=channels,
            weights_initializer="he",
            bias_learn_rate_factor=0,
            name=f"{section}_conv{index}",
        ),
        BatchNormalizationLayer(name=f"{section}_bn_{index}"),
        ReluLayer(name=f"{section}_relu_{index}"),
    ]
