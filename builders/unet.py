"""U-Net: an encoder, a bridge, and a decoder that takes over the encoder's features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from layergraph.builders.arguments import filter_window, image_channels, poolings
from layergraph.errors import LayerArgumentError
from layergraph.graph import LayerGraph
from layergraph.layers import (
    Convolution2dLayer,
    Crop2dLayer,
    DepthConcatenationLayer,
    DropoutLayer,
    ImageInputLayer,
    Layer,
    MaxPooling2dLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
)
from layergraph.layers.arguments import choice, whole


def unet_layers(
    image_size: Sequence[int],
    num_classes: int,
    *,
    encoder_depth: int = 4,
    num_first_encoder_filters: int = 64,
    filter_size: int | Sequence[int] = 3,
    convolution_padding: Literal["same", "valid"] = "same",
) -> tuple[LayerGraph, tuple[int, int, int]]:
    """U-Net with MATLAB's layer names (``unetLayers``), and the size of its output.

    Args:
        image_size: (height, width) of grey images, or (height, width, channels). With ``"same"`` padding
            height and width are multiples of 2^encoder_depth; with ``"valid"`` see the error message,
            which names the nearest sizes.
        num_classes: number of classes, at least 2.
        encoder_depth: number of poolings.
        num_first_encoder_filters: filters of the first stage; each further stage has twice as many.
        filter_size: odd height and width of the filters, one number or two.
        convolution_padding: ``"same"`` keeps sizes; ``"valid"`` is the paper's: every convolution loses a
            margin, and the encoder's features are cropped (layers ``Crop2d-1``, ...) before they are joined.

    Returns:
        The layer graph, and (height, width, classes) of its output.

    Source: O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", MICCAI 2015. MATLAB's form has ``same`` padding by default, a ReLU after each
    up-convolution and two dropouts.

    >>> from layergraph.builders import unet_layers
    >>> lgraph, output_size = unet_layers((572, 572), 2, convolution_padding="valid")
    >>> output_size
    (388, 388, 2)
    """
    builder = "unet_layers"
    size = image_channels(builder, image_size, 2)
    whole(builder, "num_classes", num_classes, 2)
    depth = poolings(builder, encoder_depth)
    first = whole(builder, "num_first_encoder_filters", num_first_encoder_filters)
    window = filter_window(builder, filter_size, 2)
    choice(builder, "convolution_padding", convolution_padding, ("same", "valid"))
    valid = convolution_padding == "valid"
    _check_image_size(size, depth, window, valid)

    def convolutions(section: str, filters: int, dropout: bool = False) -> list[Layer]:
        layers: list[Layer] = []
        for index in (1, 2):
            layers += [
                Convolution2dLayer(
                    window,
                    filters,
                    padding=0 if valid else "same",
                    weights_initializer="he",
                    name=f"{section}Conv-{index}",
                ),
                ReluLayer(name=f"{section}ReLU-{index}"),
            ]
        return [*layers, DropoutLayer(0.5, name=f"{section}DropOut")] if dropout else layers

    layers: list[Layer] = [ImageInputLayer(size, name="ImageInputLayer")]
    for stage in range(1, depth + 1):
        section = f"Encoder-Stage-{stage}-"
        layers += convolutions(section, first * 2 ** (stage - 1), dropout=stage == depth)
        layers.append(MaxPooling2dLayer(2, stride=2, name=f"{section}MaxPool"))
    layers += convolutions("Bridge-", first * 2**depth, dropout=True)
    for stage in range(1, depth + 1):
        section, filters = f"Decoder-Stage-{stage}-", first * 2 ** (depth - stage)
        up = TransposedConv2dLayer(
            2,
            filters,
            stride=2,
            weights_initializer="he",
            bias_learn_rate_factor=2,
            name=f"{section}UpConv",
        )
        layers += [up, ReluLayer(name=f"{section}UpReLU")]
        layers.append(DepthConcatenationLayer(2, name=f"{section}DepthConcatenation"))
        layers += convolutions(section, filters)
    layers += [
        Convolution2dLayer(1, num_classes, weights_initializer="he", name="Final-ConvolutionLayer"),
        SoftmaxLayer(name="Softmax-Layer"),
        PixelClassificationLayer(name="Segmentation-Layer"),
    ]
    return _with_skips(LayerGraph(layers), depth, crop=valid), _output_size(
        size, num_classes, depth, window, valid
    )


def _with_skips(lgraph: LayerGraph, depth: int, crop: bool) -> LayerGraph:
    """Join the features of each encoder stage to the decoder stage of the same size."""
    for stage in range(1, depth + 1):
        skip = f"Encoder-Stage-{depth + 1 - stage}-ReLU-2"
        if crop:
            name = f"Crop2d-{stage}"
            lgraph = lgraph.add_layers(Crop2dLayer("centercrop", name=name))
            lgraph = lgraph.connect_layers(skip, f"{name}/in")
            lgraph = lgraph.connect_layers(f"Decoder-Stage-{stage}-UpReLU", f"{name}/ref")
            skip = name
        lgraph = lgraph.connect_layers(skip, f"Decoder-Stage-{stage}-DepthConcatenation/in2")
    return lgraph


def _output_size(
    size: tuple[int, ...], num_classes: int, depth: int, window: tuple[int, ...], valid: bool
) -> tuple[int, int, int]:
    """Every stage loses 2 (window - 1) rows twice, in units of its scale: 2 (window - 1)(3·2^depth - 2)."""
    height, width = (
        n - (2 * (w - 1) * (3 * 2**depth - 2) if valid else 0) for n, w in zip(size, window, strict=False)
    )
    return (height, width, num_classes)


def _check_image_size(size: tuple[int, ...], depth: int, window: tuple[int, ...], valid: bool) -> None:
    """Raise unless every pooling halves an even size, and something is left at the end."""
    for what, n, w in zip(("height", "width"), size, window, strict=False):
        lost = 2 * (w - 1) * (2**depth - 1) if valid else 0  # on the way down
        smallest = 2 * (w - 1) * (3 * 2**depth - 2) + 1 if valid else 2**depth
        step = 2**depth
        if (n - lost) % step == 0 and n >= smallest:
            continue
        below = n - (n - lost) % step
        first = smallest + (lost - smallest) % step
        near = sorted({max(below, first), max(below + step, first)})
        raise LayerArgumentError(
            f"unet_layers: an image {what} of {n} does not fit encoder_depth={depth}"
            f"{f' with valid convolutions of size {w}' if valid else ''}; the nearest that fit: "
            f"{' and '.join(map(str, near))}; resize or pad the images, or choose another encoder_depth"
        )
