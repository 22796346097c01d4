"""3-D U-Net: for volumes, with batch normalization, and filters that double before each pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from layergraph.builders.parts.builder_arguments import filter_window, image_channels, poolings
from layergraph.builders.parts.unet_sizes import output_size
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    BatchNormalizationLayer,
    ConcatenationLayer,
    Convolution3dLayer,
    Crop3dLayer,
    Image3dInputLayer,
    Layer,
    MaxPooling3dLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
    TransposedConv3dLayer,
)
from layergraph.layers.arguments import choice, whole


def unet3d_layers(
    image_size: Sequence[int],
    num_classes: int,
    *,
    encoder_depth: int = 3,
    num_first_encoder_filters: int = 32,
    filter_size: int | Sequence[int] = 3,
    convolution_padding: Literal["same", "valid"] = "same",
) -> tuple[LayerGraph, tuple[int, int, int, int]]:
    """3-D U-Net with MATLAB's layer names (``unet3dLayers``), and the size of its output.

    Args:
        image_size: (height, width, depth) of grey volumes, or (height, width, depth, channels). With
            ``"same"`` padding all three are multiples of 2^encoder_depth; with ``"valid"`` see the error
            message, which names the nearest sizes.
        num_classes: number of classes, at least 2.
        encoder_depth: number of poolings.
        num_first_encoder_filters: filters of the very first convolution; the second of each stage has twice
            as many as the first, and the first of the next stage as many as that.
        filter_size: odd height, width and depth of the filters, one number or three.
        convolution_padding: ``"same"`` keeps sizes; with ``"valid"`` every convolution loses a margin, and
            the encoder's features are cropped (layers ``Crop3d-1``, ...) before they are joined.

    Returns:
        The layer graph, and (height, width, depth, classes) of its output.

    Raises:
        ArgumentError: an argument is out of its range, or the volume does not fit.

    Source: Ö. Çiçek, A. Abdulkadir, S. S. Lienkamp, T. Brox, O. Ronneberger, "3D U-Net: Learning Dense
    Volumetric Segmentation from Sparse Annotation", MICCAI 2016.

    >>> from layergraph.builders import unet3d_layers
    >>> lgraph, output_size = unet3d_layers((128, 128, 64), 2, encoder_depth=2)
    >>> len(lgraph), output_size
    (40, (128, 128, 64, 2))
    >>> unet3d_layers((132, 132, 116, 3), 2, convolution_padding="valid")[1]  # the paper's
    (44, 44, 28, 2)
    """
    builder = "unet3d_layers"
    size = image_channels(builder, image_size, 3)
    whole(builder, "num_classes", num_classes, 2)
    depth = poolings(builder, encoder_depth)
    first = whole(builder, "num_first_encoder_filters", num_first_encoder_filters)
    window = filter_window(builder, filter_size, 3)
    choice(builder, "convolution_padding", convolution_padding, ("same", "valid"))
    valid = convolution_padding == "valid"
    height, width, planes = output_size(builder, size, depth, window, valid=valid)

    layers: list[Layer] = [Image3dInputLayer(size, name="ImageInputLayer")]
    for stage in range(1, depth + 1):
        filters, section = first * 2 ** (stage - 1), f"Encoder-Stage-{stage}-"
        layers += _convolutions(section, window, (filters, 2 * filters), valid)
        layers.append(MaxPooling3dLayer(2, stride=2, name=f"{section}MaxPool"))
    layers += _convolutions("Bridge-", window, (first * 2**depth, first * 2 ** (depth + 1)), valid)
    for stage in range(1, depth + 1):
        filters, section = first * 2 ** (depth + 1 - stage), f"Decoder-Stage-{stage}-"
        up = TransposedConv3dLayer(
            2,
            2 * filters,
            stride=2,
            weights_initializer="he",
            bias_learn_rate_factor=2,
            name=f"{section}UpConv",
        )
        layers += [up, ConcatenationLayer(4, 2, name=f"{section}Concatenation")]
        layers += _convolutions(section, window, (filters, filters), valid)
    layers += [
        Convolution3dLayer(1, num_classes, weights_initializer="he", name="Final-ConvolutionLayer"),
        SoftmaxLayer(name="Softmax-Layer"),
        PixelClassificationLayer(name="Segmentation-Layer"),
    ]
    return _with_skips(LayerGraph(layers), depth, crop=valid), (height, width, planes, num_classes)


def _convolutions(section: str, window: Sequence[int], filters: Sequence[int], valid: bool) -> list[Layer]:
    layers: list[Layer] = []
    for index, number in enumerate(filters, 1):
        layers += [
            Convolution3dLayer(
                window,
                number,
                padding=0 if valid else "same",
                weights_initializer="he",
                name=f"{section}Conv-{index}",
            ),
            BatchNormalizationLayer(name=f"{section}BN-{index}"),
            ReluLayer(name=f"{section}ReLU-{index}"),
        ]
    return layers


def _with_skips(lgraph: LayerGraph, depth: int, crop: bool) -> LayerGraph:
    """Join the features of each encoder stage to the decoder stage of the same size."""
    for stage in range(1, depth + 1):
        features = f"Encoder-Stage-{depth + 1 - stage}-ReLU-2"
        if crop:
            name = f"Crop3d-{stage}"
            lgraph = lgraph.add_layers(Crop3dLayer("centercrop", name=name))
            lgraph = lgraph.connect_layers(features, f"{name}/in")
            lgraph = lgraph.connect_layers(f"Decoder-Stage-{stage}-UpConv", f"{name}/ref")
            features = name
        lgraph = lgraph.connect_layers(features, f"Decoder-Stage-{stage}-Concatenation/in2")
    return lgraph
