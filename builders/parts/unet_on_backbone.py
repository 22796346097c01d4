"""U-Net on a classification network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layergraph.builders.backbones.backbones import find_backbone
from layergraph.builders.parts.unet_decoder import Convolutions, Decoder
from layergraph.builders.parts.unet_sizes import Join
from layergraph.edits import cut_after, pad_same, with_input_size
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph


def unet_on_backbone(
    encoder: str,
    size: Sequence[int],
    num_classes: int,
    depth: int,
    first: int,
    convolutions: Convolutions,
    join: Join | None,
    options: Mapping[str, Any],
) -> LayerGraph:
    """The U-Net whose encoder is a backbone; ``options`` are the backbone's.

    The encoder's features of stride s have ``ceil(n / s)`` rows, so the upsampled ones have as many or more.
    Without ``join`` they are cropped where they have more.

    Raises:
        ArgumentError: there is no such backbone, or it has no features of stride 2^depth.
    """
    builder = "unet_layers"
    backbone = find_backbone(builder, encoder)
    if 2**depth not in backbone.features:
        depths = [str(stride.bit_length() - 1) for stride in sorted(backbone.features) if stride > 1]
        raise ArgumentError(
            f"{builder}: encoder_depth of {encoder} is {', '.join(depths[:-1])} or {depths[-1]}, got {depth}"
        )
    # built for a size that fits the whole network: cut short and padded, it serves any other
    network = backbone.encoder((*backbone.image_size[:2], size[-1]), **options)
    features = {stride: name for stride, name in backbone.features.items() if stride <= 2**depth}
    lgraph = with_input_size(pad_same(cut_after(network, *features.values())), size)
    (image,) = lgraph.input_names
    decoder = Decoder(lgraph, features[2**depth])
    now = _rows(size, 2**depth)
    for stage in range(1, depth + 1):
        filters, stride = first * 2 ** (depth - stage), 2 ** (depth - stage)
        upsampled, now = decoder.upsample(filters), [2 * n for n in now]
        wanted, cropped = _rows(size, stride), False
        if (joined := features.get(stride)) is not None:
            if join == "pad":
                joined = decoder.fitted("pad", joined, upsampled)
            elif join == "crop" or now != wanted:
                upsampled, cropped = decoder.fitted("crop", upsampled, joined), True
            decoder.join(upsampled, joined)
        if stride == 1 and not cropped and (join is not None or now != wanted):
            decoder.fitted("crop", decoder.last, image)
        now = wanted if cropped else now
        decoder.append(convolutions.layers(f"Decoder-Stage-{stage}-", filters))
    return decoder.finished(num_classes)


def _rows(size: Sequence[int], stride: int) -> list[int]:
    return [-(-n // stride) for n in size[:2]]
