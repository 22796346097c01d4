"""SegNet: an encoder that pools, and a decoder that unpools by the indices of the poolings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

from layergraph.builders.backbones import find_backbone
from layergraph.builders.backbones.backbone import Conventions, WeightsSource
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

VggName = Literal["vgg16", "vgg19"]
BACKBONES: tuple[VggName, ...] = get_args(VggName)


def segnet_layers(
    image_size: Sequence[int],
    num_classes: int,
    encoder_depth: int | None = None,
    *,
    backbone: VggName | None = None,
    num_convolution_layers: int | Sequence[int] | None = None,
    num_output_channels: int | Sequence[int] | None = None,
    filter_size: int | Sequence[int] | None = None,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """SegNet with MATLAB's layer names (``segnetLayers``), by the depth of its encoder or on VGG.

    Args:
        image_size: (height, width, channels); or (height, width) of gray images with ``encoder_depth``, of
            color images with ``backbone``. Any height and width of at least 2^poolings, because unpooling
            restores odd sizes.
        num_classes: number of classes, at least 2.
        encoder_depth: number of poolings, each of which halves the image; or the name of a backbone, as in
            MATLAB's ``segnetLayers(imageSize, numClasses, 'vgg16')``. Give this or ``backbone``.
        backbone: ``"vgg16"`` or ``"vgg19"``: the paper's encoder, with 13 or 16 convolutions and five
            poolings.
        num_convolution_layers: with ``encoder_depth``, convolutions per encoder section, one number or one
            per section; 2 by default.
        num_output_channels: with ``encoder_depth``, filters per encoder section, one number or one per
            section; 64 by default.
        filter_size: with ``encoder_depth``, odd height and width of the filters, one number or two; 3 by
            default.
        width: with ``backbone``, multiplies its numbers of filters, rounded to a multiple of 8; the decoder
            mirrors them.
        weights: with ``backbone``, its initial weights: ``None``, ``"imagenet"``, or the path of a file, as
            for :func:`layergraph.builders.backbones.vgg16`.
        conventions: with ``backbone``, its normalization of the input: ``"matlab"`` or ``"torchvision"``; by
            default that of the weights.

    The decoder mirrors the encoder: the last convolution of its section d has as many filters as encoder
    section d - 1 has, and that of section 1 has one filter per class. Every convolution, the last one
    included, is followed by batch normalization and ReLU. Its bias is frozen, at 0 or at its value in the
    weights.

    Raises:
        ArgumentError: an argument is out of its range, or the image is too small; the message names the
            smallest size.

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
    >>> len(segnet_layers((360, 480), 11, backbone="vgg16"))
    91
    """
    if encoder_depth is None and backbone is None:
        raise ArgumentError(
            "segnet_layers: give encoder_depth, a whole number, or backbone, 'vgg16' or 'vgg19'"
        )
    by_depth = {
        "num_convolution_layers": num_convolution_layers,
        "num_output_channels": num_output_channels,
        "filter_size": filter_size,
    }
    on_vgg = {"width": width, "weights": weights, "conventions": conventions}
    return segnet("segnet_layers", image_size, num_classes, encoder_depth, backbone, by_depth, on_vgg)


def segnet(
    builder: str,
    image_size: Sequence[int],
    num_classes: int,
    encoder_depth: int | None,
    backbone: str | None,
    by_depth: Mapping[str, Any],
    on_vgg: Mapping[str, Any],
) -> LayerGraph:
    """SegNet for any builder; ``by_depth`` and ``on_vgg`` are the options of only one of the two forms."""
    num_classes = whole(builder, "num_classes", num_classes, 2)
    # the third argument of MATLAB's segnetLayers is a depth or the name of a network
    if isinstance(encoder_depth, str) and backbone is None:
        encoder_depth, backbone = None, encoder_depth
    if backbone is not None:
        backbone = choice(builder, "backbone", backbone, BACKBONES)
        by_depth = {"encoder_depth": encoder_depth, **by_depth}
        if given := [name for name, value in by_depth.items() if value is not None]:
            raise ArgumentError(
                f"{builder}: {given[0]} must be left out with backbone={backbone!r}, which determines it"
            )
        return _on_vgg(builder, image_size, num_classes, backbone, on_vgg)
    depth = poolings(builder, encoder_depth)
    # An ignored option would be a silent mistake: the user believes the weights are loaded.
    neutral = {"width": 1, "weights": None, "conventions": None}
    if given := [name for name, value in on_vgg.items() if value != neutral[name]]:
        raise ArgumentError(
            f"{builder}: {given[0]} must be left out with encoder_depth={depth}; it is for backbone=..."
        )
    return _by_depth(builder, image_size, num_classes, depth, by_depth)


def _by_depth(
    builder: str, image_size: Sequence[int], num_classes: int, depth: int, options: Mapping[str, Any]
) -> LayerGraph:
    """SegNet with an encoder of ``depth`` sections."""
    size = image_channels(builder, image_size, 2)
    # The defaults are here, because ``segnet`` must see which options are given.
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
        # 2×2 windows with stride 2 do not overlap, so each index holds one value in the unpooling.
        layers.append(MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name=name))
    return with_unpooling([*layers, *_decoder(num_classes, convolutions, filters, window)])


def _on_vgg(
    builder: str, image_size: Sequence[int], num_classes: int, backbone: str, options: Mapping[str, Any]
) -> LayerGraph:
    """SegNet whose encoder is VGG with a batch normalization after each convolution."""
    size = image_channels(builder, image_size, 2, default=3)
    check_poolings(builder, size, 5)
    layers: list[Layer] = []
    convolutions, filters = [0] * 5, [0] * 5
    for layer in find_backbone(builder, backbone, BACKBONES).encoder(size, **options).layers:
        if isinstance(layer, ImageInputLayer):
            layers.append(replace(layer, name="inputImage"))
        elif isinstance(layer, Convolution2dLayer):
            # The decoder mirrors what VGG has at this width, so it is counted, not taken from a table.
            section = sum(isinstance(before, MaxPooling2dLayer) for before in layers)
            convolutions[section] += 1
            filters[section] = layer.num_filters
            # Batch normalization subtracts every bias again, so the bias has nothing to learn.
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
    """The layers that mirror an encoder with these convolutions and filters per section."""
    layers: list[Layer] = []
    channels = filters[-1]
    for stage in range(len(filters), 0, -1):
        layers.append(MaxUnpooling2dLayer(name=f"decoder{stage}_unpool"))
        # Unpooling keeps the number of channels, so the section must end with those of the next pooling,
        # which belongs to the encoder section before.
        last = num_classes if stage == 1 else filters[stage - 2]
        for index in range(convolutions[stage - 1], 0, -1):
            outputs = last if index == 1 else filters[stage - 1]
            layers += _convolution("decoder", stage, index, window, channels, outputs)
            channels = outputs
    return [*layers, SoftmaxLayer(name="softmax"), PixelClassificationLayer(name="pixelLabels")]


def _convolution(
    side: str, stage: int, index: int, window: tuple[int, ...], channels: int, filters: int
) -> list[Layer]:
    """Convolution, batch normalization and ReLU with the names of their section."""
    section = f"{side}{stage}"
    height, width = window
    return [
        Convolution2dLayer(
            window,
            filters,
            padding=(height // 2, width // 2),  # as numbers, as in MATLAB; the same as "same" for odd filters
            num_channels=channels,
            weights_initializer="he",
            bias_learn_rate_factor=0,
            name=f"{section}_conv{index}",
        ),
        BatchNormalizationLayer(name=f"{section}_bn_{index}"),
        ReluLayer(name=f"{section}_relu_{index}"),
    ]
