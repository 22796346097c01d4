"""A layer graph under construction that knows its last layer and the channels of every layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    BatchNormalizationLayer,
    ClassificationLayer,
    Convolution2dLayer,
    DepthConcatenationLayer,
    DropoutLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    GroupedConvolution2dLayer,
    Layer,
    ReluLayer,
    SoftmaxLayer,
)


class Assembly:
    """A layer graph under construction.

    Layers of pretrained networks have fixed numbers of channels. The assembly computes them from the layers
    before.

    >>> from layergraph import ImageInputLayer
    >>> net = Assembly(ImageInputLayer((32, 32, 3), name="data"))
    >>> net.convolution("conv1", 7, 64, stride=2, padding=3)
    'conv1'
    >>> net.graph()["conv1"].description
    '64 7×7×3 convolutions with stride [2 2] and padding [3 3 3 3]'
    """

    def __init__(self, first: Layer) -> None:
        # Lists, because a layer graph is immutable: adding hundreds of layers one by one would
        # copy it each time.
        self._layers: list[Layer] = []
        self._connections: list[tuple[str, str]] = []
        self._channels: dict[str, int] = {}
        self.last = ""
        self.add(first, after=())
        # An input layer has no source to take its channels from.
        self._channels[first.name] = first.output_sizes([])[0].channels

    def add(self, layer: Layer, after: str | Sequence[str] | None = None) -> str:
        """Add a layer after the last one, or after one layer per input port, and return its name."""
        sources = [self.last] if after is None else [after] if isinstance(after, str) else list(after)
        single = len(layer.input_names) == 1
        for port, source in zip(layer.input_names, sources, strict=True):
            self._connections.append((source, layer.name if single else f"{layer.name}/{port}"))
        self._layers.append(layer)
        # No other layer of these networks changes the channels, except those that the methods below record.
        if isinstance(layer, DepthConcatenationLayer):
            self._channels[layer.name] = sum(self._channels[source] for source in sources)
        elif sources:
            self._channels[layer.name] = self._channels[sources[0]]
        self.last = layer.name
        return layer.name

    def channels(self, name: str | None = None) -> int:
        """Channels of a layer, by default of the last one."""
        return self._channels[name or self.last]

    def convolution(
        self, name: str, size: int | Sequence[int], filters: int, after: str | None = None, **options: Any
    ) -> str:
        """Add a convolution with fixed channels; options are those of :class:`Convolution2dLayer`."""
        channels = self.channels(after)
        self.add(Convolution2dLayer(size, filters, num_channels=channels, name=name, **options), after)
        self._channels[name] = filters
        return name

    def grouped_convolution(
        self, name: str, size: int, filters: int, groups: int, after: str | None = None, **options: Any
    ) -> str:
        """Add a grouped convolution, which is channel-wise with as many groups as channels."""
        channels = self.channels(after)
        # MATLAB writes "channel-wise" where each channel has a group of its own.
        layer = GroupedConvolution2dLayer(
            size,
            filters // groups,
            "channel-wise" if groups == channels else groups,
            num_channels_per_group=channels // groups,
            name=name,
            **options,
        )
        self.add(layer, after)
        self._channels[name] = filters
        return name

    def batch_normalization(self, name: str, after: str | None = None, **options: Any) -> str:
        """Add a batch normalization with fixed channels."""
        channels = self.channels(after)
        return self.add(BatchNormalizationLayer(num_channels=channels, name=name, **options), after)

    def relu(self, name: str, after: str | None = None) -> str:
        """Add a ReLU."""
        return self.add(ReluLayer(name=name), after)

    def classify(self, num_classes: int, pooling: str, scores: str, softmax: str, output: str) -> LayerGraph:
        """Add global average pooling, fully connected layer, softmax and output layer; return the graph."""
        self.add(GlobalAveragePooling2dLayer(name=pooling))
        self.add(FullyConnectedLayer(num_classes, name=scores))
        self.add(SoftmaxLayer(name=softmax))
        self.add(ClassificationLayer(name=output))
        return self.graph()

    def classify_fully_connected(self, num_classes: int, filters: int, **options: Any) -> LayerGraph:
        """Add the fully connected layers ``fc6`` to ``fc8`` of AlexNet and VGG; return the graph."""
        for index in (6, 7):
            self.add(FullyConnectedLayer(filters, name=f"fc{index}", **options))
            self.relu(f"relu{index}")
            self.add(DropoutLayer(0.5, name=f"drop{index}"))
        self.add(FullyConnectedLayer(num_classes, name="fc8", **options))
        self.add(SoftmaxLayer(name="prob"))
        self.add(ClassificationLayer(name="output"))
        return self.graph()

    def graph(self) -> LayerGraph:
        """The graph of all layers."""
        return LayerGraph(self._layers, self._connections)
