"""Backbone: a classification network as one record, of which encoders are made."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from layergraph.builders.backbones.backbone_weights import WeightsFile, find_weights
from layergraph.builders.parts.builder_arguments import fitting, image_channels
from layergraph.edits import cut_after
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Convolution2dLayer, ImageInputLayer
from layergraph.layers.arguments import choice, flag, number, whole
from layergraph.layers.input import Normalization

Conventions = Literal["auto", "matlab", "torchvision"]
Weights = str | os.PathLike[str] | None

# means and standard deviations of ImageNet's red, green and blue, in units of 8-bit pixels
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_DEVIATION = (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class Architecture:
    """What a backbone's layers depend on.

    ``torchvision`` says whose details are followed where the two differ, MATLAB's or those of the published
    PyTorch files: input normalization, the place of strides, padding and epsilons. ``width`` multiplies every
    number of filters.
    """

    image_size: tuple[int, ...]
    num_classes: int
    width: float
    torchvision: bool

    def filters(self, number: int) -> int:
        """A number of filters at this width: a multiple of 8 near it, never below 8."""
        return number if self.width == 1 else max(8, int(number * self.width + 4) // 8 * 8)

    def input(self, name: str, normalization: Normalization) -> ImageInputLayer:
        """The input layer: MATLAB's normalization, or the statistics that the PyTorch files expect."""
        if not self.torchvision:
            return ImageInputLayer(self.image_size, normalization=normalization, name=name)
        if normalization == "rescale-symmetric":
            return ImageInputLayer(self.image_size, normalization=normalization, min=0, max=255, name=name)
        colour = self.image_size[-1] == len(IMAGENET_MEAN)  # other images have statistics of their own
        return ImageInputLayer(
            self.image_size,
            normalization="zscore",
            mean=IMAGENET_MEAN if colour else None,
            standard_deviation=IMAGENET_DEVIATION if colour else None,
            name=name,
        )


@dataclass(frozen=True)
class Backbone:
    """A classification network: how it is built, where its features are, where its weights come from.

    Attributes:
        name: as in MATLAB, ``"resnet18"``.
        architecture: makes the graph with its classification head.
        features: for each stride the layer with the last features at it; what U-Net joins.
        last_feature: the last layer before the classification head.
        image_size: what the published weights were trained on.
        keys: for each layer what its tensors' names begin with in the PyTorch files: torchvision's, or
            timm's where torchvision has none.
        url: the file torchvision publishes; empty where there is none.
    """

    name: str
    architecture: Callable[[Architecture], LayerGraph]
    features: Mapping[int, str]
    last_feature: str
    image_size: tuple[int, int, int] = (224, 224, 3)
    keys: Mapping[str, str] | None = None
    url: str = ""

    def build(
        self,
        image_size: Sequence[int],
        num_classes: int,
        include_head: bool,
        width: float,
        weights: Weights,
        conventions: Conventions,
        *,
        fixed_channels: bool = False,
    ) -> LayerGraph:
        """The graph, with or without its head, weights attached if asked for.

        Without weights the first convolution takes any number of channels, as in MATLAB, unless
        ``fixed_channels``: an edit can then put another input layer before it.

        What of the file was loaded and what was not goes to the logger ``layergraph``: a line as INFO, all
        of it as DEBUG.
        """
        size = image_channels(self.name, image_size, 2, default=3)
        whole(self.name, "num_classes", num_classes, 2)
        flag(self.name, "include_head", include_head)
        if width != 1:
            number(self.name, "width", width, 1 / 64, 64)
        choice(self.name, "conventions", conventions, ("auto", "matlab", "torchvision"))
        file = None if weights is None else self._weights(weights, size, width)

        def make(image_size: tuple[int, ...], torchvision: bool) -> LayerGraph:
            return self.architecture(Architecture(image_size, num_classes, width, torchvision))

        torchvision = conventions == "torchvision"
        if conventions == "auto" and file is not None:
            torchvision = file.torchvision(make)
        lgraph = make(size, torchvision)
        if not include_head:
            lgraph = cut_after(lgraph, self.last_feature)
        lgraph = fitting(self.name, lgraph)
        if file is not None:
            return file.put_onto(lgraph, include_head, torchvision)
        return lgraph if fixed_channels else _for_any_channels(lgraph)

    def encoder(self, image_size: Sequence[int], **options: Any) -> LayerGraph:
        """The graph without its head; options are ``width``, ``weights`` and ``conventions``.

        Its first convolution takes the channels of ``image_size`` alone, as in MATLAB's segmentation
        networks, which start from trained weights.
        """
        arguments = {"width": 1.0, "weights": None, "conventions": "auto", **options}
        return self.build(image_size, 1000, False, **arguments, fixed_channels=True)

    def _weights(self, weights: object, image_size: Sequence[int], width: float) -> WeightsFile:
        from layergraph.pretrained import read_tensors

        path = find_weights(self.name, weights, self.url, image_size, width)
        return WeightsFile(self.name, path, read_tensors(path), self.keys or {})


def _for_any_channels(lgraph: LayerGraph) -> LayerGraph:
    """The graph whose first convolutions take any number of channels."""
    for name in lgraph.input_names:
        for _, end in lgraph.destinations(name):
            layer = lgraph[end.layer]
            if isinstance(layer, Convolution2dLayer):
                lgraph = lgraph.replace_layer(end.layer, replace(layer, num_channels="auto"))
    return lgraph
