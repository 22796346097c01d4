"""Parts of all DeepLabs: dilated encoder, VGG's classifier as convolutions, upsampled scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layergraph.builders.backbones import Backbone
from layergraph.builders.parts.builder_arguments import check_image_size
from layergraph.edits import dilate, pad_same, with_input_size
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    Convolution2dLayer,
    DropoutLayer,
    Layer,
    PixelClassificationLayer,
    ReluLayer,
    Resize2dLayer,
    SoftmaxLayer,
)

# In the papers, the last convolution learns 10 times faster than the others, because it alone is new.
NEW_LAYER: Mapping[str, Any] = {"weight_learn_rate_factor": 10.0, "bias_learn_rate_factor": 10.0}


def dilated_encoder(
    backbone: Backbone, image_size: Sequence[int], downsampling_factor: int, **options: Any
) -> LayerGraph:
    """The encoder of a backbone at this stride; options are those of :meth:`Backbone.encoder`.

    Its features have ``ceil(n / downsampling_factor)`` rows for n rows of the image. Windows without padding
    get padding for this.
    """
    # The whole backbone may not accept this image size; dilated and padded, its encoder accepts any. So it
    # is built for its own image size first.
    lgraph = backbone.encoder((*backbone.image_size[:2], image_size[-1]), **options)
    # Dilation comes first, because the margins of "same" depend on the size of the image: afterwards, a
    # window would no longer cover the same features.
    return with_input_size(pad_same(dilate(lgraph, downsampling_factor)), image_size)


def append_layers(lgraph: LayerGraph, layers: Sequence[Layer], after: str) -> LayerGraph:
    """The graph with these layers in series after layer ``after``, at the first input of the first one."""
    first = layers[0]
    return lgraph.add_layers(layers).connect_layers(after, f"{first.name}/{first.input_names[0]}")


def vgg_classifier(suffix: str, size: int, rate: int, filters: int, num_classes: int) -> list[Layer]:
    """VGG's classifier as convolutions, ``fc6`` to ``fc8``, whose names end with ``suffix``.

    ``size`` and ``rate`` are filter size and dilation of ``fc6``; ``fc6`` and ``fc7`` have ``filters``.
    """
    fc6 = Convolution2dLayer(size, filters, dilation_factor=rate, padding="same", name=f"fc6{suffix}")
    return [
        fc6,
        ReluLayer(name=f"relu6{suffix}"),
        DropoutLayer(0.5, name=f"drop6{suffix}"),
        Convolution2dLayer(1, filters, name=f"fc7{suffix}"),
        ReluLayer(name=f"relu7{suffix}"),
        DropoutLayer(0.5, name=f"drop7{suffix}"),
        Convolution2dLayer(1, num_classes, name=f"fc8{suffix}", **NEW_LAYER),
    ]


def upsample_scores(builder: str, lgraph: LayerGraph, scores: str) -> LayerGraph:
    """The graph whose scores are resized to the image, with softmax and loss.

    Raises:
        ArgumentError: the layers do not accept the size of the image.
    """
    # To the size of the image, not by a factor: features have ceil(n / stride) rows, so a factor
    # would give too many where n is no multiple of the stride.
    upsample = Resize2dLayer(enable_reference_input=True, method="bilinear", name="upsample")
    layers = [upsample, SoftmaxLayer(name="softmax"), PixelClassificationLayer(name="pixelLabels")]
    lgraph = append_layers(lgraph, layers, scores)
    return check_image_size(builder, lgraph.connect_layers(lgraph.input_names[0], "upsample/ref"))
