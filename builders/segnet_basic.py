"""SegNet-Basic: the small SegNet with which the paper compares decoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from layergraph.builders.parts.builder_arguments import filter_window, image_channels, poolings
from layergraph.builders.parts.unpooling import check_poolings, with_unpooling
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AdditionLayer,
    BatchNormalizationLayer,
    Convolution2dLayer,
    GroupedConvolution2dLayer,
    ImageInputLayer,
    Layer,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.layers.arguments import choice, whole

DecoderVariant = Literal["all-channels", "single-channel", "encoder-addition"]


def segnet_basic_layers(
    image_size: Sequence[int],
    num_classes: int,
    *,
    encoder_depth: int = 4,
    num_output_channels: int = 64,
    filter_size: int | Sequence[int] = 7,
    decoder: DecoderVariant = "all-channels",
) -> LayerGraph:
    """SegNet-Basic with the layer names of the released model: 32 layers, 1,416,587 learnables at 11 classes.

    Args:
        image_size: (height, width) of color images, or (height, width, channels). Any height and width of at
            least 2^encoder_depth, because unpooling restores odd sizes.
        num_classes: number of classes, at least 2.
        encoder_depth: number of encoders (convolution, batch normalization, ReLU, pooling) and of decoders
            (unpooling, convolution, batch normalization).
        num_output_channels: filters of every convolution except the last.
        filter_size: odd height and width of the filters, one number or two.
        decoder: ``"all-channels"``, or a variant of the paper: with ``"single-channel"``, each filter of a
            decoder has its own channel as its only input; with ``"encoder-addition"``, each decoder adds the
            features before the pooling of its encoder (layers ``add4``, ...).

    A 1×1 convolution, ``conv_classifier``, computes the scores. Its bias learns; all other biases are frozen
    at 0, because batch normalization follows. Input, softmax and loss have the names of
    :func:`layergraph.builders.segnet_layers`. The network does not include the local contrast normalization
    of the paper's input.

    The paper prints 1.425 M parameters, and 0.625 M with single-channel decoders. The second network has
    624,768 weights, as printed. The first has 1,415,040, because its four decoders have
    4 · 49 · (64 - 1) · 64 = 790,272 weights more, not the printed 0.8 M.

    Raises:
        ArgumentError: an argument is out of its range, or the image is too small; the message names the
            smallest size.

    Source: V. Badrinarayanan, A. Kendall, R. Cipolla, "SegNet: A Deep Convolutional Encoder-Decoder
    Architecture for Image Segmentation", PAMI 2017, section 3.3; weights start as in He et al., ICCV 2015.

    >>> from layergraph.builders import segnet_basic_layers
    >>> lgraph = segnet_basic_layers((360, 480), 11)
    >>> len(lgraph), lgraph["conv_decode4"].description
    (32, '64 7×7×64 convolutions with stride [1 1] and padding [3 3 3 3]')
    """
    builder = "segnet_basic_layers"
    size = image_channels(builder, image_size, 2, default=3)
    num_classes = whole(builder, "num_classes", num_classes, 2)
    depth = poolings(builder, encoder_depth)
    filters = whole(builder, "num_output_channels", num_output_channels)
    window = filter_window(builder, filter_size, 2)
    decoder = choice(builder, "decoder", decoder, get_args(DecoderVariant))
    check_poolings(builder, size, depth)

    layers: list[Layer] = [ImageInputLayer(size, name="inputImage")]
    for stage in range(1, depth + 1):
        channels = size[-1] if stage == 1 else filters
        layers += _convolution(f"conv{stage}", window, channels, filters)
        layers.append(ReluLayer(name=f"relu{stage}"))
        layers.append(MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name=f"pool{stage}"))
    for stage in range(depth, 0, -1):
        layers.append(MaxUnpooling2dLayer(name=f"upsample{stage}"))
        # No ReLU in the decoder, as in the paper.
        layers += _convolution(f"conv_decode{stage}", window, filters, filters, decoder == "single-channel")
        if decoder == "encoder-addition":  # its second input is connected at the end
            layers.append(AdditionLayer(2, name=f"add{stage}"))
    layers += [
        Convolution2dLayer(
            1, num_classes, num_channels=filters, weights_initializer="he", name="conv_classifier"
        ),
        SoftmaxLayer(name="softmax"),
        PixelClassificationLayer(name="pixelLabels"),
    ]
    lgraph = with_unpooling(layers)
    if decoder == "encoder-addition":
        # The features before the pooling have the size that unpooling restores.
        for stage in range(1, depth + 1):
            lgraph = lgraph.connect_layers(f"relu{stage}", f"add{stage}/in2")
    return lgraph


def _convolution(
    name: str, window: tuple[int, ...], channels: int, filters: int, single_channel: bool = False
) -> list[Layer]:
    """A convolution whose bias is frozen at 0, and its batch normalization."""
    height, width = window
    # Half of an odd window on each side keeps the size.
    options: dict[str, Any] = {
        "padding": (height // 2, width // 2),
        "weights_initializer": "he",
        "bias_learn_rate_factor": 0,
        "name": name,
    }
    convolution = (
        GroupedConvolution2dLayer(window, 1, "channel-wise", num_channels_per_group=1, **options)
        if single_channel
        else Convolution2dLayer(window, filters, num_channels=channels, **options)
    )
    return [convolution, BatchNormalizationLayer(name=f"{name}_bn")]
