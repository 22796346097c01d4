"""SegNet: an encoder that pools, and a decoder that unpools by the indices it remembered."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.builders.arguments import filter_window, image_channels, poolings
from layergraph.graph import LayerGraph
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
from layergraph.layers.arguments import per_dimension, whole


def segnet_layers(
    image_size: Sequence[int],
    num_classes: int,
    encoder_depth: int,
    *,
    num_convolution_layers: int | Sequence[int] = 2,
    num_output_channels: int | Sequence[int] = 64,
    filter_size: int | Sequence[int] = 3,
) -> LayerGraph:
    """SegNet with MATLAB's layer names (``segnetLayers``).

    Args:
        image_size: (height, width) of grey images, or (height, width, channels). Any height and width of
            at least 2^encoder_depth: unpooling restores odd sizes.
        num_classes: number of classes, at least 2.
        encoder_depth: number of poolings; the image gets smaller by 2^encoder_depth.
        num_convolution_layers: convolutions in each encoder section, one number or one a section.
        num_output_channels: filters in each encoder section, one number or one a section.
        filter_size: odd height and width of the filters, one number or two.

    The decoder mirrors the encoder: the last convolution of its section d has the channels of encoder
    section d - 1, and of section 1 the classes. Every convolution, the last one too, is followed by batch
    normalization and ReLU, and its bias is frozen at 0.

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
    """
    builder = "segnet_layers"
    size = image_channels(builder, image_size, 2)
    whole(builder, "num_classes", num_classes, 2)
    depth = poolings(builder, encoder_depth)
    convolutions = per_dimension(builder, "num_convolution_layers", num_convolution_layers, depth)
    filters = per_dimension(builder, "num_output_channels", num_output_channels, depth)
    window = filter_window(builder, filter_size, 2)

    layers: list[Layer] = [ImageInputLayer(size, name="inputImage")]
    channels = size[-1]
    for stage in range(1, depth + 1):
        for index in range(1, convolutions[stage - 1] + 1):
            layers += _convolution("encoder", stage, index, window, channels, filters[stage - 1])
            channels = filters[stage - 1]
        name = f"encoder{stage}_maxpool"
        layers.append(MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name=name))
    for stage in range(depth, 0, -1):
        layers.append(MaxUnpooling2dLayer(name=f"decoder{stage}_unpool"))
        last = num_classes if stage == 1 else filters[stage - 2]
        for index in range(convolutions[stage - 1], 0, -1):
            outputs = last if index == 1 else filters[stage - 1]
            layers += _convolution("decoder", stage, index, window, channels, outputs)
            channels = outputs
    layers += [SoftmaxLayer(name="softmax"), PixelClassificationLayer(name="pixelLabels")]
    lgraph = LayerGraph(layers)
    for stage in range(1, depth + 1):
        for port in ("indices", "size"):
            lgraph = lgraph.connect_layers(f"encoder{stage}_maxpool/{port}", f"decoder{stage}_unpool/{port}")
    return lgraph


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
