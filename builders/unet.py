"""U-Net: an encoder, a bridge, and a decoder that joins the encoder's features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from layergraph.builders.backbones.backbone import BackboneName, Conventions, WeightsSource
from layergraph.builders.parts.unet_decoder import Convolutions, Decoder
from layergraph.builders.parts.unet_on_backbone import check_encoder_depth, unet_on_backbone
from layergraph.builders.parts.unet_sizes import Join, UnetArguments, output_size, unet_arguments
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import ImageInputLayer, Layer, MaxPooling2dLayer
from layergraph.layers.arguments import choice, whole
from layergraph.layers.older_names import older_arguments

JOINS: tuple[Join, ...] = get_args(Join)


@older_arguments(num_output_channels="num_first_encoder_filters")
def unet_layers(
    image_size: Sequence[int],
    num_classes: int,
    *,
    encoder_depth: int = 4,
    num_first_encoder_filters: int = 64,
    filter_size: int | Sequence[int] = 3,
    convolution_padding: Literal["same", "valid"] = "same",
    join: Join | None = None,
    backbone: BackboneName | None = None,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """U-Net with MATLAB's layer names (``unetLayers``).

    :func:`unet_output_size` returns the size of its output.

    Args:
        image_size: (height, width) of gray images, or (height, width, channels). By default, height and width
            must halve evenly at every pooling: with ``"same"`` padding they must be multiples of
            2^encoder_depth; with ``"valid"``, the error message names the nearest sizes. With ``join`` or
            ``backbone``, any size is accepted that leaves at least one row and column in every layer.
        num_classes: number of classes, at least 2.
        encoder_depth: number of poolings. With ``backbone``, the decoder starts from its features of stride
            2^encoder_depth.
        num_first_encoder_filters: filters of the first stage; each further stage has twice as many. With
            ``backbone``, filters of the last decoder stage; each earlier stage has twice as many.
            MATLAB's older name ``num_output_channels`` works too.
        filter_size: odd height and width of the filters, one number or two.
        convolution_padding: ``"same"`` keeps sizes. ``"valid"``, as in the paper, loses a margin in every
            convolution, and crops the encoder's features (layers ``Crop2d-1``, ...) before they are joined.
        join: how features of unequal size are joined. ``"crop"`` crops the larger ones, the encoder's: with
            ``"same"`` padding, the output has the size of the image rounded down to multiples of
            2^encoder_depth. ``"pad"`` pads the smaller ones, the decoder's, with zeros (layers ``Pad2d-1``,
            ...): the output has the size of the image (with ``"valid"``, less the margins of the first and
            last stage). Both graphs also accept images of other sizes.
        backbone: name of a classification network to use as the encoder, such as ``"resnet18"``; see below.
        width: with ``backbone``, multiplies its numbers of filters.
        weights: with ``backbone``, its initial weights: ``None``, ``"imagenet"``, or the path of a file.
        conventions: with ``backbone``, ``"matlab"`` or ``"torchvision"``; by default those of the weights.

    Raises:
        ArgumentError: an argument is out of its range, or the image does not fit.

    With ``backbone``, the layers of that network come first, under their own names, up to its last features
    of stride 2^encoder_depth, padded (:func:`layergraph.edits.pad_same`) so that features of stride s have
    ``ceil(n / s)`` rows. The first stage of the decoder upsamples these features; there is no bridge. Each
    stage joins the features of its stride. Most networks have none of stride 1; then the last stage joins
    nothing. Upsampled features are at least as large as the encoder's. By default they are cropped where an
    image of this size needs it; with ``join="crop"`` they are cropped in every stage; with ``join="pad"`` the
    encoder's features are padded instead. The last stage is cropped to the size of the image.

    Source: O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", MICCAI 2015. MATLAB's form has ``same`` padding by default, a ReLU after each
    up-convolution and two dropouts.

    >>> from layergraph.builders import unet_layers
    >>> len(unet_layers((572, 572), 2, convolution_padding="valid"))
    62
    >>> lgraph = unet_layers((224, 224, 3), 2, backbone="vgg16", encoder_depth=3)
    >>> lgraph.sources("Decoder-Stage-1-DepthConcatenation")["in2"].layer
    'relu3_3'
    """
    builder = "unet_layers"
    arguments, join, _ = _check_arguments(
        builder, image_size, num_classes, encoder_depth, filter_size, convolution_padding, join, backbone
    )
    first = whole(builder, "num_first_encoder_filters", num_first_encoder_filters)
    if backbone is not None:
        options = {"width": width, "weights": weights, "conventions": conventions}
        return unet_on_backbone(backbone, arguments, first, join, options)
    # An ignored option would be a silent mistake: the user believes the weights are loaded.
    if width != 1 or weights is not None or conventions is not None:
        raise ArgumentError(
            f"{builder}: width, weights and conventions need a classification network as the encoder; "
            "name one, such as backbone='resnet18'"
        )
    return _with_own_encoder(arguments, first, join)


def unet_output_size(
    image_size: Sequence[int],
    num_classes: int,
    *,
    encoder_depth: int = 4,
    filter_size: int | Sequence[int] = 3,
    convolution_padding: Literal["same", "valid"] = "same",
    join: Join | None = None,
    backbone: BackboneName | None = None,
) -> tuple[int, int, int]:
    """Height, width and classes of the output of :func:`unet_layers` for the same arguments.

    Raises:
        ArgumentError: an argument is out of its range, or the image does not fit.

    >>> from layergraph.builders import unet_output_size
    >>> unet_output_size((572, 572), 2, convolution_padding="valid")
    (388, 388, 2)
    >>> unet_output_size((101, 101, 3), 2, join="pad"), unet_output_size((101, 101, 3), 2, join="crop")
    ((101, 101, 2), (96, 96, 2))
    """
    caller = "unet_output_size"
    arguments, _, (height, width) = _check_arguments(
        caller, image_size, num_classes, encoder_depth, filter_size, convolution_padding, join, backbone
    )
    return height, width, arguments.num_classes


def _check_arguments(
    caller: str,
    image_size: Sequence[int],
    num_classes: int,
    encoder_depth: int,
    filter_size: int | Sequence[int],
    convolution_padding: Literal["same", "valid"],
    join: Join | None,
    backbone: BackboneName | None,
) -> tuple[UnetArguments, Join | None, tuple[int, ...]]:
    """The arguments and ``join`` in their normal form, and height and width of the output.

    Raises:
        ArgumentError: an argument is out of its range, or the image does not fit.
    """
    arguments = unet_arguments(
        caller,
        image_size,
        num_classes,
        encoder_depth,
        filter_size,
        convolution_padding,
        spatial_dims=2,
        # Gray images as in the paper, or the color images of trained backbones.
        default_channels=1 if backbone is None else 3,
    )
    if join is not None:
        join = choice(caller, "join", join, JOINS)
    if backbone is None:
        return arguments, join, output_size(caller, arguments, join, JOINS)
    if arguments.valid:
        raise ArgumentError(
            f"{caller}: convolution_padding must be 'same' with backbone={backbone!r}, whose output has the "
            "size of the image, got 'valid'"
        )
    check_encoder_depth(caller, backbone, arguments.depth)
    # The last crop restores the size of the image, so any size fits.
    return arguments, join, arguments.size[:2]


def _with_own_encoder(arguments: UnetArguments, first: int, join: Join | None) -> LayerGraph:
    """The U-Net of the paper, whose encoder is not a classification network."""
    size, num_classes, depth, window, valid = arguments
    convolutions = Convolutions(window, valid)
    layers: list[Layer] = [ImageInputLayer(size, name="ImageInputLayer")]
    for stage in range(1, depth + 1):
        section = f"Encoder-Stage-{stage}-"
        # Each pooling halves height and width, so the filters double.
        layers += convolutions.layers(section, first * 2 ** (stage - 1), dropout=stage == depth)
        layers.append(MaxPooling2dLayer(2, stride=2, name=f"{section}MaxPool"))
    layers += convolutions.layers("Bridge-", first * 2**depth, dropout=True)
    decoder = Decoder(LayerGraph(layers), layers[-1].name)
    for stage in range(1, depth + 1):
        filters = first * 2 ** (depth - stage)
        upsampled = decoder.upsample(filters)
        # MATLAB joins the deepest features before their dropout.
        features = f"Encoder-Stage-{depth + 1 - stage}-ReLU-2"
        # Else, with padding "same", sizes are equal: only images that halve evenly are accepted.
        if join == "pad":
            upsampled = decoder.fit("pad", upsampled, features)
        elif join == "crop" or valid:  # valid convolutions make every pair of sizes unequal
            features = decoder.fit("crop", features, upsampled)
        decoder.join(upsampled, features)
        decoder.append(convolutions.layers(f"Decoder-Stage-{stage}-", filters))
    return decoder.finish(num_classes)
