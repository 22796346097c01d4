"""3-D U-Net: U-Net for volumes, with batch normalization, whose filters double before each pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from layergraph.builders.parts.unet_sizes import output_size, unet_arguments
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
from layergraph.layers.arguments import whole


def unet3d_layers(
    image_size: Sequence[int],
    num_classes: int,
    *,
    encoder_depth: int = 3,
    num_first_encoder_filters: int = 32,
    filter_size: int | Sequence[int] = 3,
    convolution_padding: Literal["same", "valid"] = "same",
) -> LayerGraph:
    """3-D U-Net with MATLAB's layer names (``unet3dLayers``).

    :func:`unet3d_output_size` returns the size of its output.

    Args:
        image_size: (height, width, depth) of gray volumes, or (height, width, depth, channels). With
            ``"same"`` padding, all three must be multiples of 2^encoder_depth; with ``"valid"``, the error
            message names the nearest sizes.
        num_classes: number of classes, at least 2.
        encoder_depth: number of poolings.
        num_first_encoder_filters: filters of the first convolution. The second convolution of each encoder
            stage has twice as many filters as the first, and the first of the next stage as many as that.
        filter_size: odd height, width and depth of the filters, one number or three.
        convolution_padding: ``"same"`` keeps sizes. ``"valid"`` loses a margin in every convolution, and
            crops the encoder's features (layers ``Crop3d-1``, ...) before they are joined.

    Raises:
        ArgumentError: an argument is out of its range, or the volume does not fit.

    Source: Ö. Çiçek, A. Abdulkadir, S. S. Lienkamp, T. Brox, O. Ronneberger, "3D U-Net: Learning Dense
    Volumetric Segmentation from Sparse Annotation", MICCAI 2016.

    >>> from layergraph.builders import unet3d_layers
    >>> len(unet3d_layers((128, 128, 64), 2, encoder_depth=2))
    40
    """
    builder = "unet3d_layers"
    arguments = unet_arguments(
        builder, image_size, num_classes, encoder_depth, filter_size, convolution_padding, spatial_dims=3
    )
    first = whole(builder, "num_first_encoder_filters", num_first_encoder_filters)
    output_size(builder, arguments)  # raises where the volume does not fit
    size, num_classes, depth, window, valid = arguments

    # 1. Encoder, bridge, decoder and scores in series.
    layers: list[Layer] = [Image3dInputLayer(size, name="ImageInputLayer")]
    for stage in range(1, depth + 1):
        # Doubling before the pooling, not after it, avoids a bottleneck (section 2 of the paper).
        filters, section = first * 2 ** (stage - 1), f"Encoder-Stage-{stage}-"
        layers += _convolutions(section, window, (filters, 2 * filters), valid)
        layers.append(MaxPooling3dLayer(2, stride=2, name=f"{section}MaxPool"))
    layers += _convolutions("Bridge-", window, (first * 2**depth, first * 2 ** (depth + 1)), valid)
    for stage in range(1, depth + 1):
        filters, section = first * 2 ** (depth + 1 - stage), f"Decoder-Stage-{stage}-"
        up = TransposedConv3dLayer(
            2,
            # As in the paper, this convolution keeps the number of channels.
            2 * filters,
            stride=2,
            weights_initializer="he",
            bias_learn_rate_factor=2,
            name=f"{section}UpConv",
        )
        # MATLAB has no ReLU here, unlike in its 2-D U-Net.
        # Dimension 4 of a volume holds the channels.
        layers += [up, ConcatenationLayer(4, 2, name=f"{section}Concatenation")]
        layers += _convolutions(section, window, (filters, filters), valid)
    layers += [
        Convolution3dLayer(1, num_classes, weights_initializer="he", name="Final-ConvolutionLayer"),
        SoftmaxLayer(name="Softmax-Layer"),
        PixelClassificationLayer(name="Segmentation-Layer"),
    ]
    # 2. The skip connections, which need all layers in the graph.
    return _with_skips(LayerGraph(layers), depth, crop=valid)


def unet3d_output_size(
    image_size: Sequence[int],
    num_classes: int,
    *,
    encoder_depth: int = 3,
    filter_size: int | Sequence[int] = 3,
    convolution_padding: Literal["same", "valid"] = "same",
) -> tuple[int, int, int, int]:
    """Height, width, depth and classes of the output of :func:`unet3d_layers` for the same arguments.

    Raises:
        ArgumentError: an argument is out of its range, or the volume does not fit.

    >>> from layergraph.builders import unet3d_output_size
    >>> unet3d_output_size((132, 132, 116, 3), 2, convolution_padding="valid")  # as in the paper
    (44, 44, 28, 2)
    """
    caller = "unet3d_output_size"
    arguments = unet_arguments(
        caller, image_size, num_classes, encoder_depth, filter_size, convolution_padding, spatial_dims=3
    )
    height, width, planes = output_size(caller, arguments)
    return height, width, planes, arguments.num_classes


def _convolutions(section: str, window: Sequence[int], filters: Sequence[int], valid: bool) -> list[Layer]:
    """Convolution, batch normalization and ReLU for each number of filters."""
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
    """The graph that joins the features of each encoder stage to the decoder stage of the same size."""
    for stage in range(1, depth + 1):
        # Decoder stages count from the deepest one. Input 1 is connected in series already.
        features = f"Encoder-Stage-{depth + 1 - stage}-ReLU-2"
        if crop:
            name = f"Crop3d-{stage}"
            lgraph = lgraph.add_layers(Crop3dLayer("centercrop", name=name))
            lgraph = lgraph.connect_layers(features, f"{name}/in")
            lgraph = lgraph.connect_layers(f"Decoder-Stage-{stage}-UpConv", f"{name}/ref")
            features = name
        lgraph = lgraph.connect_layers(features, f"Decoder-Stage-{stage}-Concatenation/in2")
    return lgraph
