"""What the DeepLabs share: a dilated encoder, VGG's classifier as convolutions, upsampled scores."""

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

# the papers train the last convolution, which is new, at 10 times the rate of the others
CLASSIFIER: Mapping[str, Any] = {"weight_learn_rate_factor": 10.0, "bias_learn_rate_factor": 10.0}


def dilated_encoder(
    backbone: Backbone, image_size: Sequence[int], downsampling_factor: int, **options: Any
) -> LayerGraph:
    """The encoder of a backbone at this output stride; options are those of :meth:`Backbone.encoder`.

    Its maps have ``ceil(n / stride)`` places, whatever the size n of the image: where a backbone's windows
    eat the border, they are padded. So it serves images that are too small for the backbone, and is built for
    the backbone's own image size first.
    """
    lgraph = backbone.encoder((*backbone.image_size[:2], image_size[-1]), **options)
    # dilated first: that keeps what each window meets where its padding is known, "same" depends on the size
    return with_input_size(pad_same(dilate(lgraph, downsampling_factor)), image_size)


def append(lgraph: LayerGraph, layers: Sequence[Layer], after: str) -> LayerGraph:
    """The graph with these layers in series behind layer ``after``, at the first input of the first."""
    first = layers[0]
    return lgraph.add_layers(layers).connect_layers(after, f"{first.name}/{first.input_names[0]}")


def classifier(ending: str, size: int, rate: int, filters: int, num_classes: int) -> list[Layer]:
    """VGG's classifier as convolutions, ``fc6`` to ``fc8`` with this ending to their names.

    ``size`` and ``rate`` are window and dilation of ``fc6``, ``filters`` those of ``fc6`` and ``fc7``.
    """
    fc6 = Convolution2dLayer(size, filters, dilation_factor=rate, padding="same", name=f"fc6{ending}")
    return [
        fc6,
        ReluLayer(name=f"relu6{ending}"),
        DropoutLayer(0.5, name=f"drop6{ending}"),
        Convolution2dLayer(1, filters, name=f"fc7{ending}"),
        ReluLayer(name=f"relu7{ending}"),
        DropoutLayer(0.5, name=f"drop7{ending}"),
        Convolution2dLayer(1, num_classes, name=f"fc8{ending}", **CLASSIFIER),
    ]


def with_upsampled_scores(builder: str, lgraph: LayerGraph, scores: str) -> LayerGraph:
    """The graph whose scores are resized to the image and end in softmax and loss.

    Raises:
        ArgumentError: its layers cannot serve the size of the image.
    """
    upsample = Resize2dLayer(enable_reference_input=True, method="bilinear", name="upsample")
    layers = [upsample, SoftmaxLayer(name="softmax"), PixelClassificationLayer(name="pixelLabels")]
    lgraph = append(lgraph, layers, scores)
    return check_image_size(builder, lgraph.connect_layers(lgraph.input_names[0], "upsample/ref"))
