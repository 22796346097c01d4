"""DeepLab v3: dilated stages in series, or a pyramid with image-level features."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

from layergraph.builders.backbones import find_backbone
from layergraph.builders.backbones.backbone import Conventions, WeightsSource, scaled_filters
from layergraph.builders.parts.aspp import aspp, convolution_unit
from layergraph.builders.parts.builder_arguments import image_channels
from layergraph.builders.parts.deeplab import append_layers, dilated_encoder, upsample_scores
from layergraph.edits import cut_after, multiply_dilation
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Convolution2dLayer, Layer
from layergraph.layers.arguments import choice, per_dimension, whole
from layergraph.wording import quoted

Deeplabv3Backbone = Literal["resnet50", "resnet101"]
RATES = (6, 12, 18)  # dilations of the pyramid at downsampling factor 16
COPIES = 3  # of the last stage in the cascade


def deeplabv3_layers(
    image_size: Sequence[int],
    num_classes: int,
    backbone: Deeplabv3Backbone = "resnet101",
    *,
    downsampling_factor: Literal[8, 16] = 16,
    multi_grid: Sequence[int] = (1, 2, 4),
    variant: Literal["aspp", "cascade"] = "aspp",
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """DeepLab v3, with scores that are resized to the image.

    Args:
        image_size: (height, width) or (height, width, channels), of any size.
        num_classes: number of classes, at least 2.
        backbone: ``"resnet101"`` or ``"resnet50"``.
        downsampling_factor: stride of the scores, 16 or 8. With 8 all dilations double.
        multi_grid: factors of the dilations of the three 3×3 convolutions in the last stage and its copies,
            three numbers or one for all. With downsampling factor 16 the dilations are twice these.
        variant: ``"aspp"``: a pyramid with dilations 6, 12 and 18, batch normalization and image-level
            features. ``"cascade"``: three copies of the last stage, as stages 6 to 8, each with twice the
            dilations of the previous one.
        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: initial weights of the backbone: ``None``, ``"imagenet"``, or the path of a ``.pth`` or
            ``.safetensors`` file. Copies of a stage start with new weights.
        conventions: of the backbone: ``"matlab"`` or ``"torchvision"``; by default those of the weights.

    Training needs mini-batches of two images or more, because the batch normalization of the image-level
    features has one number per channel and image.

    Source: L.-C. Chen, G. Papandreou, F. Schroff, H. Adam, "Rethinking Atrous Convolution for Semantic Image
    Segmentation", 2017.

    >>> from layergraph.builders import deeplabv3_layers
    >>> lgraph = deeplabv3_layers((513, 513), num_classes=21)
    >>> [lgraph[f"res5{block}_branch2b"].dilation_factor for block in "abc"]
    [(2, 2), (4, 4), (8, 8)]
    """
    builder = "deeplabv3_layers"
    size = image_channels(builder, image_size, 2, default=3)
    num_classes = whole(builder, "num_classes", num_classes, 2)
    encoder = find_backbone(builder, backbone, get_args(Deeplabv3Backbone))
    if downsampling_factor not in (8, 16):
        raise ArgumentError(
            f"{builder}: downsampling_factor must be 8 or 16, got {quoted(downsampling_factor)}"
        )
    grid = per_dimension(builder, "multi_grid", multi_grid, 3)
    variant = choice(builder, "variant", variant, ("aspp", "cascade"))

    # 1. Encoder, with the last stage or stages dilated.
    lgraph = dilated_encoder(
        encoder, size, downsampling_factor, width=width, weights=weights, conventions=conventions
    )
    denser = 16 // downsampling_factor
    # The stage has lost a stride of 2 or, at stride 8, of 4; multi-grid multiplies that.
    rates = [2 * denser * factor for factor in grid]
    # The last stage begins after the features of stride 16.
    stage = lgraph.remove_layers([*cut_after(lgraph, encoder.features[16])])
    features, filters = encoder.last_feature, scaled_filters(256, width)
    # 2. In the cascade, copies of that stage, each with twice the dilations of the previous one.
    for copy in range(1, COPIES + 1) if variant == "cascade" else ():
        names = _names_of_copy(stage, copy)
        lgraph = _with_copy(lgraph, stage, names, features)
        lgraph = _with_rates(lgraph, [names[name] for name in stage], [rate * 2**copy for rate in rates])
        features = names[encoder.last_feature]
    lgraph = _with_rates(lgraph, [*stage], rates)
    # 3. Scores, with ``aspp`` after the pyramid.
    head: list[Layer] = [Convolution2dLayer(1, num_classes, name="scorer")]
    if variant == "aspp":
        pyramid = [rate * denser for rate in RATES]
        lgraph = aspp(lgraph, features, pyramid, filters, image_pooling=True)
        names_of_unit, features = ("dec_c1", "dec_bn1", "dec_relu1"), "catAspp"
        head = [*convolution_unit(names_of_unit, 1, filters, padding=0), *head]
    return upsample_scores(builder, append_layers(lgraph, head, features), "scorer")


def _with_rates(lgraph: LayerGraph, names: Sequence[str], rates: Sequence[int]) -> LayerGraph:
    """The graph with these dilations in the 3×3 convolutions of the named layers."""
    layers: list[Any] = [lgraph[name] for name in names]
    convolutions = [layer for layer in layers if getattr(layer, "filter_size", None) == (3, 3)]
    # A 3×3 convolution that itself lost its stride, as with torchvision's conventions, is not dilated yet,
    # unlike the other two. So the factors lead from the present dilation to the wanted one.
    factors = {
        layer.name: rate // layer.dilation_factor[0] for layer, rate in zip(convolutions, rates, strict=True)
    }
    return multiply_dilation(lgraph, factors)


def _names_of_copy(stage: LayerGraph, copy: int) -> dict[str, str]:
    """The name of each layer of a stage in a copy, which continues the numbers of the stage.

    ``res5a_branch2a`` becomes ``res6a_branch2a``. Of ``add_14`` to ``add_16``, ``add_14`` becomes ``add_17``.
    """
    names = {}
    for name in stage:
        kind, number, rest = re.fullmatch(r"(\D+)(\d+)(.*)", name).groups()  # type: ignore[union-attr]
        # ResNet-50 counts ``add_`` and ``activation_`` through the network, so a copy skips as
        # many numbers as the stage has. Other names contain the number of the stage.
        step = sum(other.startswith(kind) for other in stage) if kind.endswith("_") else 1
        names[name] = f"{kind}{int(number) + copy * step}{rest}"
    return names


def _with_copy(lgraph: LayerGraph, stage: LayerGraph, names: Mapping[str, str], features: str) -> LayerGraph:
    """The graph with a copy of a stage, without weights, after layer ``features``."""
    for name in stage:
        layer: Any = stage[name]
        # The first block of a copy takes twice as many channels as that of the stage.
        channels = {"num_channels": "auto"} if hasattr(layer, "num_channels") else {}
        lgraph = lgraph.add_layers(replace(layer, name=names[name], weights=None, **channels))
        sources = stage.sources(name)
        for port in layer.input_names:
            # Inputs without a source in the stage are those that the features feed.
            source = names[sources[port].layer] if port in sources else features
            lgraph = lgraph.connect_layers(source, f"{names[name]}/{port}")
    return lgraph
