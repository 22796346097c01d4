"""Weights of a backbone: finding the file, recognizing its conventions, attaching it to the graph."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from layergraph.errors import ArgumentError, FileFormatError, WeightsMismatchError, did_you_mean
from layergraph.graph.layer_graph import LayerGraph, load
from layergraph.layers import Convolution2dLayer, FullyConnectedLayer, ImageInputLayer, Layer
from layergraph.wording import listed

if TYPE_CHECKING:
    from torch import Tensor

# Means and standard deviations of ImageNet's red, green and blue, in units of 8-bit pixels.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_DEVIATION = (58.395, 57.12, 57.375)


def find_weights(
    builder: str, weights: object, url: str, image_size: Sequence[int], width: float
) -> str | os.PathLike[str]:
    """The path of a file of weights; ``"imagenet"`` is downloaded from ``url``.

    Raises:
        ArgumentError: ``weights`` is no file, or the published weights do not fit the image size or width.
        DownloadError: the published file cannot be downloaded.
    """
    expected = f"{builder}: weights must be None, 'imagenet' or the path of a file"
    if not isinstance(weights, (str, os.PathLike)):
        raise ArgumentError(f"{expected}, got {weights!r:.80}")
    if weights != "imagenet":
        if not os.path.lexists(weights):
            # Without a near name, did_you_mean lists all names, which would repeat the message.
            near = did_you_mean(str(weights), ["imagenet"])
            advice = near if near.startswith("; did") else ""
            raise ArgumentError(f"{expected}, got {os.fspath(weights)!r}, which does not exist{advice}")
        return weights
    # All checks come before the download, which takes hundreds of megabytes for VGG.
    if not url:
        raise ArgumentError(
            f"{builder}: weights must be None or the path of a file, got 'imagenet', which torchvision does "
            "not publish for this network"
        )
    if width != 1:
        raise ArgumentError(
            f"{builder}: width must be 1 with weights='imagenet', got {width:g}; leave one of them out"
        )
    if image_size[-1] != 3:
        raise ArgumentError(
            f"{builder}: image_size must have 3 channels with weights='imagenet', got {image_size[-1]}; "
            "repeat or reduce the channels of the images to 3, or leave weights out"
        )
    from layergraph.pretrained import download

    return download(url)


@dataclass(frozen=True)
class WeightsFile:
    """The tensors of a file of weights for a backbone.

    Attributes:
        builder: name of the backbone, for messages.
        path: path of the file.
        tensors: the tensors of the file by name.
        keys: for each layer, the prefix of its tensors' names in the published file.
    """

    builder: str
    path: str | os.PathLike[str]
    tensors: Mapping[str, Tensor]
    keys: Mapping[str, str]

    @property
    def is_published(self) -> bool:
        """Whether the tensors have the names of the published file, not those of the layers."""
        from layergraph.pretrained.name_matching import part_starts

        published = {f"{key}.weight" for key in self.keys.values()}
        # A prefix in front of a published name, such as ``module.``, does not matter.
        count = sum(
            any(name[start:] in published for start in (0, *part_starts(name))) for name in self.tensors
        )
        # A few names may be the same in both, such as conv1; most of them are not.
        return 2 * count > len(published)

    @cached_property
    def layers(self) -> Mapping[str, Layer]:
        """The layers of the file by name, without weights; none in a state dict."""
        try:
            return {layer.name: layer for layer in load(self.path, weights=False).layers}
        except FileFormatError:
            return {}

    @property
    def follows_torchvision(self) -> bool | None:
        """Whether the weights were trained with torchvision's details, not with MATLAB's.

        The details (strides, paddings, epsilons) change no shape of a tensor. So they show in the names
        of the tensors, or else in the normalization of the input: of color images, only torchvision's
        conventions fix it before training. ``None`` where neither shows.
        """
        if self.is_published:
            return True
        if not self.layers:
            means = [t.flatten().tolist() for name, t in self.tensors.items() if name.endswith(".mean")]
            # The tolerance allows for float32, which cannot hold a number such as 123.675 exactly.
            if any(len(mean) == 3 and math.dist(mean, IMAGENET_MEAN) < 1e-3 for mean in means):
                return True
            return False if any(len(mean) == 3 for mean in means) else None
        inputs = [layer for layer in self.layers.values() if isinstance(layer, ImageInputLayer)]
        if any(layer.mean is not None or layer.min is not None for layer in inputs):
            return True
        return False if any(layer.input_size[-1] == 3 for layer in inputs) else None

    def attach(self, lgraph: LayerGraph, include_head: bool, torchvision: bool) -> LayerGraph:
        """The graph with these weights; the layer of the classes may have another number of outputs.

        Raises:
            WeightsMismatchError: the weights do not fit the graph.
        """
        from layergraph.pretrained import load_weights

        # The last layer that learns scores the classes. A file for other classes still fits all layers before
        # it, so it alone may differ.
        classes = [
            name
            for name in lgraph.order
            if include_head and isinstance(lgraph[name], (Convolution2dLayer, FullyConnectedLayer))
        ][-1:]
        keys = self.keys if self.is_published else None
        try:
            lgraph, report = load_weights(
                lgraph, self.tensors, keys, may_differ=classes, origin=repr(os.fspath(self.path))
            )
        except WeightsMismatchError as error:
            advice = self._advice(lgraph, error, torchvision)
            raise WeightsMismatchError(f"{self.builder}: {error}{advice}", error.faults) from None
        if missing := [name for name in report.not_loaded if name not in classes]:
            raise WeightsMismatchError(
                f"{self.builder}: {os.fspath(self.path)!r} has no weights for {len(missing)} of the layers, "
                f"{listed(missing)}; give a file for this network"
            )
        return lgraph

    def _advice(self, lgraph: LayerGraph, error: WeightsMismatchError, torchvision: bool) -> str:
        """A further line of the message that names the fix, where it is known."""
        if self.is_published and not torchvision:
            return "\nthe file follows conventions='torchvision'; give that, or leave conventions out"
        if error.faults and all(isinstance(lgraph[name], FullyConnectedLayer) for name, _ in error.faults):
            return (
                "\nthe fully connected layers of the file are for another image size; give that image_size "
                "(fully_convolutional then makes the network accept others), or include_head=False"
            )
        return ""
