"""The builders by name: one list that serves the command line and whoever chooses by text."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from layergraph.builders import backbones
from layergraph.builders.bayesian_segnet import bayesian_segnet_layers
from layergraph.builders.deeplabv1 import deeplabv1_layers
from layergraph.builders.deeplabv2 import deeplabv2_layers
from layergraph.builders.deeplabv3 import deeplabv3_layers
from layergraph.builders.deeplabv3plus import deeplabv3plus_layers
from layergraph.builders.fcn import fcn_layers
from layergraph.builders.patch_classification import patch_classification_layers
from layergraph.builders.segnet import segnet_layers
from layergraph.builders.segnet_basic import segnet_basic_layers
from layergraph.builders.unet import unet_layers
from layergraph.builders.unet3d import unet3d_layers
from layergraph.errors import ArgumentError, LayergraphError, did_you_mean
from layergraph.graph.layer_graph import LayerGraph


@dataclass(frozen=True)
class Builder:
    """A builder function under its short name, with one line that says what it builds.

    >>> from layergraph.builders import BUILDERS
    >>> len(BUILDERS["unet"].build(image_size=(32, 32, 1), num_classes=2))
    58
    """

    name: str
    function: Callable[..., LayerGraph]
    summary: str

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The arguments of the builder function."""
        return inspect.signature(self.function).parameters

    def unknown(self, arguments: Collection[str]) -> list[str]:
        """Those of these arguments that the builder does not have."""
        return [argument for argument in arguments if argument not in self.parameters]

    def missing(self, arguments: Collection[str]) -> list[str]:
        """The arguments without a default that are not among these."""
        return [
            name
            for name, parameter in self.parameters.items()
            if parameter.default is inspect.Parameter.empty and name not in arguments
        ]

    def build(self, **arguments: Any) -> LayerGraph:
        """The layer graph for these arguments.

        Raises:
            ArgumentError: an argument is unknown or missing.
        """
        if unknown := self.unknown(arguments):
            raise ArgumentError(
                f"{self.name} has no argument {unknown[0]!r}{did_you_mean(unknown[0], self.parameters)}"
            )
        if missing := self.missing(arguments):
            raise ArgumentError(
                f"{self.name} needs {', '.join(self.missing(()))}; missing: {', '.join(missing)}"
            )
        return self.function(**arguments)


def _of_backbone(name: str) -> Builder:
    """A backbone as a builder; the first line of its documentation says what it is."""
    function: Callable[..., LayerGraph] = getattr(backbones, name)
    summary = (function.__doc__ or "").partition("\n")[0].replace("``", "").rstrip(".")
    return Builder(name, function, summary)


BUILDERS: Mapping[str, Builder] = {
    builder.name: builder
    for builder in (
        Builder(
            "bayesian_segnet",
            bayesian_segnet_layers,
            "Bayesian SegNet: dropout that says how sure the network is",
        ),
        Builder("deeplabv1", deeplabv1_layers, "DeepLab v1: dilated VGG-16 with a large field of view"),
        Builder("deeplabv2", deeplabv2_layers, "DeepLab v2: the sum of classifiers of several dilations"),
        Builder("deeplabv3", deeplabv3_layers, "DeepLab v3: multi-grid, and a pyramid or dilated stages"),
        Builder("deeplabv3plus", deeplabv3plus_layers, "DeepLab v3+: a pyramid, and a decoder behind it"),
        Builder(
            "fcn", fcn_layers, "FCN: a fully convolutional classifier whose scores are upsampled and fused"
        ),
        Builder(
            "patch_classification",
            patch_classification_layers,
            "Patch classification: the class of a pixel from the patch around it",
        ),
        Builder("segnet", segnet_layers, "SegNet: encoder that pools, decoder that unpools by its indices"),
        Builder("segnet_basic", segnet_basic_layers, "SegNet-Basic: four 7×7 encoders and four decoders"),
        Builder("unet", unet_layers, "U-Net: encoder and decoder joined by skip connections"),
        Builder("unet3d", unet3d_layers, "3-D U-Net: the same for volumes, with batch normalization"),
        *map(_of_backbone, backbones.BACKBONES),
    )
}


def find_builder(name: str) -> Builder:
    """The builder of this name.

    Raises:
        LayergraphError: there is none; the message suggests the nearest.
    """
    if name not in BUILDERS:
        raise LayergraphError(f"no builder is called {name!r}{did_you_mean(name, BUILDERS)}")
    return BUILDERS[name]
