"""U-Net whose encoder is a classification network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layergraph.builders.backbones import find_backbone
from layergraph.builders.parts.unet_decoder import Convolutions, Decoder
from layergraph.builders.parts.unet_sizes import Join, UnetArguments
from layergraph.edits import cut_after, pad_same, with_input_size
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph


def check_encoder_depth(caller: str, backbone: str, depth: int) -> None:
    """Raise unless the backbone has features of stride 2^depth.

    Raises:
        ArgumentError: it has none, or there is no such backbone.
    """
    strides = find_backbone(caller, backbone).features
    if 2**depth not in strides:
        depths = [str(stride.bit_length() - 1) for stride in sorted(strides) if stride > 1]
        raise ArgumentError(
            f"{caller}: encoder_depth must be {', '.join(depths[:-1])} or {depths[-1]} with "
            f"backbone={backbone!r}, got {depth}"
        )


def unet_on_backbone(
    backbone: str, arguments: UnetArguments, first: int, join: Join | None, options: Mapping[str, Any]
) -> LayerGraph:
    """U-Net on the features of a backbone up to stride 2^depth; ``options`` are those of its encoder.

    The encoder's features of stride s have ``ceil(n / s)`` rows, so the upsampled features have as many or
    more. Without ``join``, they are cropped only where they have more.
    """
    size, num_classes, depth, window, _ = arguments
    convolutions = Convolutions(window)
    network = find_backbone("unet_layers", backbone)
    # The whole network may not accept this image size; cut and padded, it accepts any. So it is built for
    # its own image size first.
    lgraph = network.encoder((*network.image_size[:2], size[-1]), **options)
    features = {stride: name for stride, name in network.features.items() if stride <= 2**depth}
    lgraph = with_input_size(pad_same(cut_after(lgraph, *features.values())), size)
    (image,) = lgraph.input_names
    decoder = Decoder(lgraph, features[2**depth])
    rows = _ceil_division(size, 2**depth)
    for stage in range(1, depth + 1):
        filters, stride = first * 2 ** (depth - stage), 2 ** (depth - stage)
        upsampled, rows = decoder.upsample(filters), [2 * n for n in rows]
        # ``rows`` follows the upsampled features, to see where an image of this size needs a crop.
        encoder_rows, cropped = _ceil_division(size, stride), False
        if (joined := features.get(stride)) is not None:
            if join == "pad":
                joined = decoder.fit("pad", joined, upsampled)
            elif join == "crop" or rows != encoder_rows:
                upsampled, cropped = decoder.fit("crop", upsampled, joined), True
            decoder.join(upsampled, joined)
        # No features of stride 1 have cropped this stage, so the image itself does. With ``join``
        # it always does, so that the graph also accepts images of other sizes.
        if stride == 1 and not cropped and (join is not None or rows != encoder_rows):
            decoder.fit("crop", decoder.last, image)
        rows = encoder_rows if cropped else rows
        decoder.append(convolutions.layers(f"Decoder-Stage-{stage}-", filters))
    return decoder.finish(num_classes)


def _ceil_division(size: Sequence[int], stride: int) -> list[int]:
    """Height and width of features of this stride."""
    return [-(-n // stride) for n in size[:2]]
