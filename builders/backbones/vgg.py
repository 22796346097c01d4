"""What VGG-16 and VGG-19 share: blocks of 3×3 convolutions, and three fully connected layers."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.builders.backbones.backbone import Architecture
from layergraph.builders.parts.assembly import Assembly
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    ClassificationLayer,
    DropoutLayer,
    FullyConnectedLayer,
    MaxPooling2dLayer,
    SoftmaxLayer,
)

FILTERS = (64, 128, 256, 512, 512)


def vgg(to: Architecture, convolutions: Sequence[int]) -> LayerGraph:
    """A VGG network with this many convolutions in its five blocks."""
    net = Assembly(to.input("input", "zerocenter"))
    for block, (count, filters) in enumerate(zip(convolutions, FILTERS, strict=True), 1):
        for index in range(1, count + 1):
            net.convolution(f"conv{block}_{index}", 3, to.filters(filters), padding=1)
            net.relu(f"relu{block}_{index}")
        net.add(MaxPooling2dLayer(2, stride=2, name=f"pool{block}"))
    for index in (6, 7):
        net.add(FullyConnectedLayer(to.filters(4096), name=f"fc{index}"))
        net.relu(f"relu{index}")
        net.add(DropoutLayer(0.5, name=f"drop{index}"))
    net.add(FullyConnectedLayer(to.num_classes, name="fc8"))
    net.add(SoftmaxLayer(name="prob"))
    net.add(ClassificationLayer(name="output"))
    return net.graph()


def features(convolutions: Sequence[int]) -> dict[int, str]:
    """The last ReLU before each pooling, by its stride."""
    return {2**block: f"relu{block + 1}_{count}" for block, count in enumerate(convolutions)} | {32: "pool5"}


def keys(convolutions: Sequence[int]) -> dict[str, str]:
    """Layer names and torchvision's: ``features`` counts ReLUs and poolings too."""
    names, position = {}, 0
    for block, count in enumerate(convolutions, 1):
        for index in range(1, count + 1):
            names[f"conv{block}_{index}"] = f"features.{position}"
            position += 2
        position += 1
    return names | {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}
