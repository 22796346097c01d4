"""VGG-16 and VGG-19: five blocks of 3×3 convolutions, and three fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.builders.backbones.assembly import Assembly
from layergraph.builders.backbones.backbone import Backbone, BackboneSettings, Conventions, WeightsSource
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    MaxPooling2dLayer,
)

FILTERS = (64, 128, 256, 512, 512)  # per block


def vgg16(
    image_size: Sequence[int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """VGG-16 with MATLAB's layer names (``vgg16``): 41 layers, 138,357,544 learnables.

    Args:
        image_size: (height, width) or (height, width, channels), at least 32×32.
        num_classes: outputs of the last fully connected layer.
        include_head: ``False`` ends the network after ``pool5``.
        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: ``None``, ``"imagenet"`` (torchvision's published file), or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: ``"matlab"`` or ``"torchvision"``, which differ in the normalization of the input; by
            default those of the weights, and MATLAB's without weights.

    Source: K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    ICLR 2015, configuration D.

    >>> from layergraph.builders.backbones import vgg16
    >>> len(vgg16()), len(vgg16(include_head=False))
    (41, 32)
    """
    return VGG16.build(image_size, num_classes, include_head, width, weights, conventions)


def vgg19(
    image_size: Sequence[int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """VGG-19 with MATLAB's layer names (``vgg19``): 47 layers, 143,667,240 learnables.

    Args:
        image_size: (height, width) or (height, width, channels), at least 32×32.
        num_classes: outputs of the last fully connected layer.
        include_head: ``False`` ends the network after ``pool5``.
        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: ``None``, ``"imagenet"`` (torchvision's published file), or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: ``"matlab"`` or ``"torchvision"``, which differ in the normalization of the input; by
            default those of the weights, and MATLAB's without weights.

    Source: K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    ICLR 2015, configuration E.

    >>> from layergraph.builders.backbones import vgg19
    >>> len(vgg19()), len(vgg19(include_head=False))
    (47, 38)
    """
    return VGG19.build(image_size, num_classes, include_head, width, weights, conventions)


def _layers(settings: BackboneSettings, convolutions: Sequence[int]) -> LayerGraph:
    """The network with this many convolutions in its five blocks."""
    net = Assembly(settings.input("input", "zerocenter"))
    for block, (count, filters) in enumerate(zip(convolutions, FILTERS, strict=True), 1):
        for index in range(1, count + 1):
            net.convolution(f"conv{block}_{index}", 3, settings.filters(filters), padding=1)
            net.relu(f"relu{block}_{index}")
        net.add(MaxPooling2dLayer(2, stride=2, name=f"pool{block}"))
    return net.classify_fully_connected(settings.num_classes, settings.filters(4096))


def _vgg(name: str, convolutions: Sequence[int], url: str) -> Backbone:
    """The backbone with this many convolutions in its five blocks."""
    # The last ReLU of each block, because the pooling after it has the next stride.
    features = {2**block: f"relu{block + 1}_{count}" for block, count in enumerate(convolutions)}
    # torchvision numbers all layers of ``features``, ReLUs and poolings included.
    keys, position = {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}, 0
    for block, count in enumerate(convolutions, 1):
        for index in range(1, count + 1):
            keys[f"conv{block}_{index}"] = f"features.{position}"
            position += 2
        position += 1
    # No block follows ``pool5``, so it alone has stride 32.
    return Backbone(
        name,
        lambda settings: _layers(settings, convolutions),
        features | {32: "pool5"},
        last_feature="pool5",
        keys=keys,
        url=url,
    )


VGG16 = _vgg("vgg16", (2, 2, 3, 3, 3), "https://download.pytorch.org/models/vgg16-397923af.pth")
VGG19 = _vgg("vgg19", (2, 2, 4, 4, 4), "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth")
