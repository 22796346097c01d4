"""U-Net: an encoder, a bridge, and a decoder that takes over the encoder's features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from layergraph.builders.backbones.backbone import Conventions, Weights
from layergraph.builders.parts.builder_arguments import filter_window, image_channels, poolings
from layergraph.builders.parts.unet_decoder import Convolutions, Decoder
from layergraph.builders.parts.unet_on_backbone import unet_on_backbone
from layergraph.builders.parts.unet_sizes import Join, output_size
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import ImageInputLayer, Layer, MaxPooling2dLayer
from layergraph.layers.arguments import choice, whole

JOINS: tuple[Join, ...] = ("crop", "pad")


def unet_layers(
    image_size: Sequence[int],
    num_classes: int,
    *,
    encoder_depth: int = 4,
    num_first_encoder_filters: int = 64,
    filter_size: int | Sequence[int] = 3,
    convolution_padding: Literal["same", "valid"] = "same",
    join: Join | None = None,
    encoder: str | None = None,
    width: float = 1.0,
    weights: Weights = None,
    conventions: Conventions = "auto",
) -> tuple[LayerGraph, tuple[int, int, int]]:
    """U-Net with MATLAB's layer names (``unetLayers``), and the size of its output.

    Args:
        image_size: (height, width) of grey images, or (height, width, channels). By default height and width
            must halve evenly at every pooling: with ``"same"`` padding they are multiples of
            2^encoder_depth; with ``"valid"`` see the error message, which names the nearest sizes. With
            ``join`` or ``encoder`` any size will do that leaves something everywhere.
        num_classes: number of classes, at least 2.
        encoder_depth: number of poolings; with ``encoder``, 2^encoder_depth is the stride of the features
            that the decoder starts from.
        num_first_encoder_filters: filters of the first stage; each further stage has twice as many. With
            ``encoder`` these are the filters of the last decoder stage, each one before has twice as many.
        filter_size: odd height and width of the filters, one number or two.
        convolution_padding: ``"same"`` keeps sizes; ``"valid"`` is the paper's: every convolution loses a
            margin, and the encoder's features are cropped (layers ``Crop2d-1``, ...) before they are joined.
        join: how features of unequal size are joined. ``"crop"`` cuts the centre out of the larger, the
            encoder's: the output has ``"same"`` images rounded down to multiples of 2^encoder_depth.
            ``"pad"`` puts zeros around the smaller, the upsampled ones (layers ``Pad2d-1``, ...): the output
            is as large as the image (with ``"valid"``, less the margins of the first and last stage). Both
            give a graph that serves images of other sizes too.
        encoder: the name of a classification network to take as the encoder, such as ``"resnet18"``; see
            below.
        width: with ``encoder``, multiplies its numbers of filters.
        weights: with ``encoder``, where it starts from: ``None``, ``"imagenet"``, or the path of a file.
        conventions: with ``encoder``, ``"matlab"``, ``"torchvision"`` or ``"auto"``.

    Returns:
        The layer graph, and (height, width, classes) of its output.

    Raises:
        ArgumentError: an argument is out of its range, or the image does not fit.

    With ``encoder`` the layers of that network come first, under their own names, up to its last features of
    stride 2^encoder_depth, padded (:func:`layergraph.edits.pad_same`) so that features of stride s have
    ``ceil(n / s)`` rows. The decoder's first stage upsamples the last; there is no bridge. Each stage joins
    the network's features of its stride; most networks have none of stride 1, then the last stage joins
    nothing. Upsampled features are as large as the encoder's or larger: by default they are cropped where an
    image of this size needs it, with ``join="crop"`` in every stage; with ``join="pad"`` the encoder's are
    padded. The last stage is cropped to the image, so that the output has its size.

    Source: O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", MICCAI 2015. MATLAB's form has ``same`` padding by default, a ReLU after each
    up-convolution and two dropouts.

    >>> from layergraph.builders import unet_layers
    >>> lgraph, output_size = unet_layers((572, 572), 2, convolution_padding="valid")
    >>> output_size
    (388, 388, 2)
    >>> unet_layers((101, 101, 3), 2, join="pad")[1], unet_layers((101, 101, 3), 2, join="crop")[1]
    ((101, 101, 2), (96, 96, 2))
    >>> lgraph, _ = unet_layers((224, 224, 3), 2, encoder="vgg16", encoder_depth=3)
    >>> lgraph.sources("Decoder-Stage-1-DepthConcatenation")["in2"].layer
    'relu3_3'
    """
    builder = "unet_layers"
    size = image_channels(builder, image_size, 2, default=1 if encoder is None else 3)
    whole(builder, "num_classes", num_classes, 2)
    depth = poolings(builder, encoder_depth)
    first = whole(builder, "num_first_encoder_filters", num_first_encoder_filters)
    window = filter_window(builder, filter_size, 2)
    choice(builder, "convolution_padding", convolution_padding, ("same", "valid"))
    if join is not None:
        choice(builder, "join", join, JOINS)
    convolutions = Convolutions(window, valid=convolution_padding == "valid")
    if encoder is not None:
        if convolutions.valid:
            raise ArgumentError(
                f"{builder}: convolution_padding='valid' is for the plain encoder; with "
                f"encoder={encoder!r} the output has the size of the image, so leave it 'same'"
            )
        options = {"width": width, "weights": weights, "conventions": conventions}
        lgraph = unet_on_backbone(encoder, size, num_classes, depth, first, convolutions, join, options)
        return lgraph, (size[0], size[1], num_classes)
    if width != 1 or weights is not None or conventions != "auto":
        raise ArgumentError(
            f"{builder}: width, weights and conventions are for a classification network as the encoder; "
            "name it, such as encoder='resnet18'"
        )
    rows, columns = output_size(
        builder, size, depth, window, valid=convolutions.valid, join=join, joins=JOINS
    )
    lgraph = _plain(size, num_classes, depth, first, convolutions, join)
    return lgraph, (rows, columns, num_classes)


def _plain(
    size: Sequence[int],
    num_classes: int,
    depth: int,
    first: int,
    convolutions: Convolutions,
    join: Join | None,
) -> LayerGraph:
    """The U-Net with an encoder of its own."""
    layers: list[Layer] = [ImageInputLayer(size, name="ImageInputLayer")]
    for stage in range(1, depth + 1):
        section = f"Encoder-Stage-{stage}-"
        layers += convolutions.layers(section, first * 2 ** (stage - 1), dropout=stage == depth)
        layers.append(MaxPooling2dLayer(2, stride=2, name=f"{section}MaxPool"))
    layers += convolutions.layers("Bridge-", first * 2**depth, dropout=True)
    decoder = Decoder(LayerGraph(layers), layers[-1].name)
    for stage in range(1, depth + 1):
        filters = first * 2 ** (depth - stage)
        upsampled = decoder.upsample(filters)
        features = f"Encoder-Stage-{depth + 1 - stage}-ReLU-2"
        if join == "pad":
            upsampled = decoder.fitted("pad", upsampled, features)
        elif join == "crop" or convolutions.valid:
            features = decoder.fitted("crop", features, upsampled)
        decoder.join(upsampled, features)
        decoder.append(convolutions.layers(f"Decoder-Stage-{stage}-", filters))
    return decoder.finished(num_classes)
