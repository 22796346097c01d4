"""The decoder of a U-Net: upsamples, joins the encoder's features, and scores every pixel."""

from __future__ import annotations

from dataclasses import dataclass

from layergraph.builders.parts.unet_sizes import Join
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    Convolution2dLayer,
    Crop2dLayer,
    DepthConcatenationLayer,
    DropoutLayer,
    Layer,
    Pad2dLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
)


@dataclass(frozen=True)
class Convolutions:
    """The two convolutions of every stage: the size of their filters, and whether they lose a margin."""

    window: tuple[int, ...]
    valid: bool = False

    def layers(self, section: str, filters: int, dropout: bool = False) -> list[Layer]:
        """Two convolutions with ReLU, and the dropout of the deepest stages."""
        layers: list[Layer] = []
        for index in (1, 2):
            layers += [
                Convolution2dLayer(
                    self.window,
                    filters,
                    # Without padding, as in the paper, each convolution loses a margin.
                    padding=0 if self.valid else "same",
                    weights_initializer="he",
                    name=f"{section}Conv-{index}",
                ),
                ReluLayer(name=f"{section}ReLU-{index}"),
            ]
        return [*layers, DropoutLayer(0.5, name=f"{section}DropOut")] if dropout else layers


class Decoder:
    """Builder of a decoder: adds its stages to the graph of an encoder, one after the other.

    Attributes:
        lgraph: the graph so far.
        last: the layer that feeds the next one.
        stage: number of the current stage, counted from 1 as in the layer names.
    """

    def __init__(self, lgraph: LayerGraph, last: str) -> None:
        self.lgraph, self.last = lgraph, last
        self.stage = 0

    def append(self, layers: list[Layer]) -> str:
        """Add layers in series after the last one, and return the name of the new last layer."""
        self.lgraph = self.lgraph.add_layers(layers)
        self.lgraph = self.lgraph.connect_layers(self.last, layers[0].name)
        self.last = layers[-1].name
        return self.last

    def upsample(self, filters: int) -> str:
        """Start the next stage: a transposed convolution with ReLU doubles height and width."""
        self.stage += 1
        section = f"Decoder-Stage-{self.stage}-"
        # Filter size equal to the stride: no position gets more contributions than another. The learn rate
        # factor of the bias is MATLAB's.
        up = TransposedConv2dLayer(
            2, filters, stride=2, weights_initializer="he", bias_learn_rate_factor=2, name=f"{section}UpConv"
        )
        return self.append([up, ReluLayer(name=f"{section}UpReLU")])

    def fit(self, how: Join, source: str, reference: str) -> str:
        """Add a layer that crops or pads features to the height and width of others; return its name."""
        name = f"{how.capitalize()}2d-{self.stage}"
        layer = Crop2dLayer("centercrop", name=name) if how == "crop" else Pad2dLayer(name=name)
        self.lgraph = self.lgraph.add_layers(layer)
        for producer, port in ((source, "in"), (reference, "ref")):
            self.lgraph = self.lgraph.connect_layers(producer, f"{name}/{port}")
        self.last = name
        return name

    def join(self, upsampled: str, features: str) -> str:
        """Concatenate the upsampled features with those of the encoder."""
        # The order of the inputs is MATLAB's, and decides which weights meet which channels.
        name = f"Decoder-Stage-{self.stage}-DepthConcatenation"
        self.lgraph = self.lgraph.add_layers(DepthConcatenationLayer(2, name=name))
        for producer, port in ((upsampled, "in1"), (features, "in2")):
            self.lgraph = self.lgraph.connect_layers(producer, f"{name}/{port}")
        self.last = name
        return name

    def finish(self, num_classes: int) -> LayerGraph:
        """Add the scores of every pixel, softmax and loss, and return the graph."""
        self.append(
            [
                Convolution2dLayer(1, num_classes, weights_initializer="he", name="Final-ConvolutionLayer"),
                SoftmaxLayer(name="Softmax-Layer"),
                PixelClassificationLayer(name="Segmentation-Layer"),
            ]
        )
        return self.lgraph
