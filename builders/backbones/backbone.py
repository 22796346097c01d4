"""Backbone: the record of a classification network, which builds it whole or as an encoder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Literal, get_args

from layergraph.builders.backbones.backbone_weights import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    WeightsFile,
    find_weights,
)
from layergraph.builders.parts.builder_arguments import check_image_size, image_channels
from layergraph.edits import cut_after
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Convolution2dLayer, ImageInputLayer
from layergraph.layers.arguments import choice, flag, number, whole
from layergraph.layers.input import Normalization

Conventions = Literal["matlab", "torchvision"]
BackboneName = Literal[
    "alexnet",
    "inceptionresnetv2",
    "mobilenetv2",
    "resnet101",
    "resnet18",
    "resnet50",
    "vgg16",
    "vgg19",
    "xception",
]
WeightsSource = str | os.PathLike[str] | None


def scaled_filters(number: int, width: float) -> int:
    """A number of filters times ``width``, rounded to a multiple of 8, and at least 8."""
    # At width 1 every number stays, even one that is no multiple of 8.
    return number if width == 1 else max(8, int(number * width + 4) // 8 * 8)


@dataclass(frozen=True)
class BackboneSettings:
    """The settings that the layers of a backbone depend on.

    Attributes:
        image_size: (height, width, channels).
        num_classes: outputs of the last layer.
        width: factor of every number of filters.
        torchvision: whether the details follow torchvision's published files: normalization of the input,
            strides, paddings and epsilons. Otherwise they follow MATLAB.
    """

    image_size: tuple[int, ...]
    num_classes: int
    width: float
    torchvision: bool

    def filters(self, number: int) -> int:
        """A number of filters at this width."""
        return scaled_filters(number, self.width)

    def input(self, name: str, normalization: Normalization) -> ImageInputLayer:
        """The input layer, with MATLAB's normalization or the statistics of torchvision's files."""
        if not self.torchvision:
            return ImageInputLayer(self.image_size, normalization=normalization, name=name)
        if normalization == "rescale-symmetric":  # timm's networks expect pixels from -1 to 1
            return ImageInputLayer(self.image_size, normalization=normalization, min=0, max=255, name=name)
        # ImageNet's statistics are those of three color channels; other images have their own.
        is_color = self.image_size[-1] == len(IMAGENET_MEAN)
        return ImageInputLayer(
            self.image_size,
            normalization="zscore",
            mean=IMAGENET_MEAN if is_color else None,
            standard_deviation=IMAGENET_DEVIATION if is_color else None,
            name=name,
        )


@dataclass(frozen=True)
class Backbone:
    """A classification network: its layers, its features, and the source of its weights.

    Attributes:
        name: MATLAB's name, such as ``"resnet18"``.
        architecture: function that makes the graph with its classification head.
        features: for each stride, the last layer with features of this stride; U-Net joins them.
        last_feature: the last layer before the classification head.
        image_size: image size of the published weights.
        keys: for each layer, the prefix of its tensors' names in PyTorch files: torchvision's, or timm's for
            networks that torchvision does not publish.
        url: address of torchvision's file; empty for networks that it does not publish.
    """

    name: str
    architecture: Callable[[BackboneSettings], LayerGraph]
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
        weights: WeightsSource | WeightsFile,
        conventions: Conventions | None,
        *,
        fixed_channels: bool = False,
    ) -> LayerGraph:
        """The graph with or without its head, with weights if ``weights`` names a file.

        By default, ``conventions`` are those of the weights, and MATLAB's without weights. The logger
        ``layergraph`` reports the loaded weights: a summary as INFO, all of them as DEBUG.

        Without weights, the first convolution accepts any number of channels, as in MATLAB. With
        ``fixed_channels`` it accepts those of ``image_size`` alone.
        """
        include_head = flag(self.name, "include_head", include_head)
        # The file comes before the graph, because its conventions decide on the layers.
        settings, file = self.settings(image_size, num_classes, width, weights, conventions)
        lgraph = self.architecture(settings)
        if not include_head:
            lgraph = cut_after(lgraph, self.last_feature)
        lgraph = check_image_size(self.name, lgraph)
        if file is not None:
            return file.attach(lgraph, include_head, settings.torchvision)
        return lgraph if fixed_channels else _for_any_channels(lgraph)

    def encoder(self, image_size: Sequence[int], **options: Any) -> LayerGraph:
        """The graph without its head; options are ``width``, ``weights`` and ``conventions``.

        Its first convolution accepts the channels of ``image_size`` alone, as in MATLAB's segmentation
        networks, which start from trained weights.
        """
        # 1000 is arbitrary: without the head, no layer depends on the number of classes.
        arguments = {"width": 1.0, "weights": None, "conventions": None, **options}
        return self.build(image_size, 1000, False, **arguments, fixed_channels=True)

    def settings(
        self,
        image_size: Sequence[int],
        num_classes: int,
        width: float,
        weights: WeightsSource | WeightsFile,
        conventions: Conventions | None,
    ) -> tuple[BackboneSettings, WeightsFile | None]:
        """The settings for arguments of :meth:`build`, and the file of weights, which it accepts too.

        Raises:
            ArgumentError: an argument is out of its range, or the file does not show its conventions.
        """
        size = image_channels(self.name, image_size, 2, default=3)
        num_classes = whole(self.name, "num_classes", num_classes, 2)
        if width != 1:
            width = number(self.name, "width", width, 1 / 64, 64)
        if conventions is not None:
            conventions = choice(self.name, "conventions", conventions, get_args(Conventions))
        file = weights if isinstance(weights, WeightsFile) else self._read_weights(weights, size, width)
        settings = BackboneSettings(size, num_classes, width, conventions == "torchvision")
        if conventions is None and file is not None:
            settings = replace(settings, torchvision=self._follows_torchvision(file, settings))
        return settings, file

    def _follows_torchvision(self, file: WeightsFile, settings: BackboneSettings) -> bool:
        """Whether a file follows torchvision's conventions.

        Raises:
            ArgumentError: the file does not show it.
        """
        if (known := file.follows_torchvision) is not None:
            return known
        # Only the layers of the file can show it, by the arguments that differ between the conventions.
        matlab, torchvision = (
            self.architecture(replace(settings, torchvision=value)) for value in (False, True)
        )
        names = [name for name in matlab if matlab[name] != torchvision[name] and not matlab[name].is_input]
        if not names:
            return False  # only the normalization of the input differs, which its layer has
        shown = set()
        for name, argument in product(names, ("stride", "padding", "epsilon")):
            layers = (file.layers.get(name), matlab[name], torchvision[name])
            saved, if_matlab, if_torchvision = (getattr(layer, argument, None) for layer in layers)
            # A value of neither convention, such as an edited stride, is no evidence.
            if if_matlab != if_torchvision and saved in (if_matlab, if_torchvision):
                shown.add(saved == if_torchvision)
        # A wrong guess would fit all shapes and give wrong outputs without an error.
        if len(shown) != 1:
            raise ArgumentError(
                f"{self.name}: conventions must be given for {os.fspath(file.path)!r}, which does not show "
                "whether it follows 'matlab' or 'torchvision'"
            )
        return shown.pop()

    def _read_weights(
        self, weights: WeightsSource, image_size: Sequence[int], width: float
    ) -> WeightsFile | None:
        if weights is None:
            return None
        from layergraph.pretrained import read_tensors

        path = find_weights(self.name, weights, self.url, image_size, width)
        return WeightsFile(self.name, path, read_tensors(path), self.keys or {})


def _for_any_channels(lgraph: LayerGraph) -> LayerGraph:
    """The graph whose first convolutions accept any number of channels."""
    for name in lgraph.input_names:
        for _, end in lgraph.destinations(name):
            layer = lgraph[end.layer]
            if isinstance(layer, Convolution2dLayer):
                lgraph = lgraph.replace_layer(end.layer, replace(layer, num_channels="auto"))
    return lgraph
