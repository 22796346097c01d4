"""The builders by name, for the command line and for programs that choose a network by its name."""

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
    """A builder function with its short name and a summary of one line.

    >>> from layergraph.builders import BUILDERS
    >>> len(BUILDERS["unet"].build(image_size=(32, 32, 1), num_classes=2))
    58
    """

    name: str
    function: Callable[..., LayerGraph]
    summary: str

    @property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The parameters of the builder function."""
        return inspect.signature(self.function).parameters

    def unknown(self, arguments: Collection[str]) -> list[str]:
        """The given arguments that the builder does not have."""
        return [argument for argument in arguments if argument not in self.parameters]

    def missing(self, arguments: Collection[str]) -> list[str]:
        """The required arguments that are not among the given ones."""
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
        # Checked here, because Python's own TypeError is no error of layergraph that callers catch.
        if unknown := self.unknown(arguments):
            raise ArgumentError(
                f"{self.name} has no argument {unknown[0]!r}{did_you_mean(unknown[0], self.parameters)}"
            )
        if missing := self.missing(arguments):
            raise ArgumentError(
                f"{self.name} needs {', '.join(self.missing(()))}; missing: {', '.join(missing)}"
            )
        return self.function(**arguments)


def _backbone_summary(function: Callable[..., LayerGraph]) -> str:
    """The first line of the docstring of a backbone."""
    return (function.__doc__ or "").partition("\n")[0].replace("``", "").rstrip(".")


_ARCHITECTURES = (
    (bayesian_segnet_layers, "Bayesian SegNet: dropout that measures the uncertainty of the network"),
    (deeplabv1_layers, "DeepLab v1: dilated VGG-16 with a large field of view"),
    (deeplabv2_layers, "DeepLab v2: the sum of classifiers with several dilations"),
    (deeplabv3_layers, "DeepLab v3: dilated stages in series, or a pyramid with image-level features"),
    (deeplabv3plus_layers, "DeepLab v3+: a pyramid of dilated convolutions, and a decoder"),
    (fcn_layers, "FCN: a fully convolutional classifier with upsampled and added scores"),
    (patch_classification_layers, "Patch classification: each pixel is classified by the patch around it"),
    (segnet_layers, "SegNet: an encoder that pools, and a decoder that unpools by the same indices"),
    (segnet_basic_layers, "SegNet-Basic: four encoders and four decoders with 7×7 filters"),
    (unet_layers, "U-Net: an encoder and a decoder joined by skip connections"),
    (unet3d_layers, "3-D U-Net: U-Net for volumes, with batch normalization"),
)
_BACKBONES = tuple(getattr(backbones, name) for name in backbones.BACKBONES)

# The name follows from the function, so that a program and the command line cannot disagree.
BUILDERS: Mapping[str, Builder] = {
    name: Builder(name, function, summary)
    for function, summary in (*_ARCHITECTURES, *((f, _backbone_summary(f)) for f in _BACKBONES))
    for name in [function.__name__.removesuffix("_layers")]
}


def find_builder(name: str) -> Builder:
    """The builder of this name.

    Raises:
        LayergraphError: there is none of this name; the message suggests the nearest.
    """
    if name not in BUILDERS:
        raise LayergraphError(f"no builder is called {name!r}{did_you_mean(name, BUILDERS)}")
    return BUILDERS[name]
