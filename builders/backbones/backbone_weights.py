"""Weights for a backbone: which file, whose details it has, and putting it onto the graph."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from layergraph.errors import ArgumentError, FileFormatError, WeightsMismatchError, did_you_mean
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Convolution2dLayer, FullyConnectedLayer

if TYPE_CHECKING:
    from torch import Tensor


def find_weights(
    builder: str, weights: object, url: str, image_size: Sequence[int], width: float
) -> str | os.PathLike[str]:
    """The file that ``weights`` means: downloaded for ``"imagenet"``, else a path.

    Raises:
        ArgumentError: it is neither, or the published weights cannot be for this image size and width.
        DownloadError: the published file cannot be fetched.
    """
    expected = f"{builder}: weights is None, 'imagenet' or the path of a file"
    if not isinstance(weights, (str, os.PathLike)):
        raise ArgumentError(f"{expected}, got {weights!r:.80}")
    if weights != "imagenet":
        if not os.path.lexists(weights):
            near = did_you_mean(str(weights), ["imagenet"])
            advice = near if near.startswith("; did") else ""
            raise ArgumentError(f"{expected}, got {os.fspath(weights)!r}, where no file is{advice}")
        return weights
    if not url:
        raise ArgumentError(
            f"{builder}: torchvision publishes no weights for this network; give the path of a file"
        )
    if width != 1:
        raise ArgumentError(
            f"{builder}: weights='imagenet' are for width=1, got {width:g}; leave one of them out"
        )
    if image_size[-1] != 3:
        raise ArgumentError(
            f"{builder}: weights='imagenet' are for images of 3 channels, image_size has {image_size[-1]}; "
            "give it 3 and repeat or reduce the channels of your images, or leave weights out"
        )
    from layergraph.pretrained import download

    return download(url)


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights for a backbone, read.

    Attributes:
        builder: the backbone's name, for messages.
        path: of the file.
        tensors: what it holds.
        keys: for each layer what its tensors' names begin with if the file is like the published ones.
    """

    builder: str
    path: str | os.PathLike[str]
    tensors: Mapping[str, Tensor]
    keys: Mapping[str, str]

    @property
    def published(self) -> bool:
        """Whether the names are those of the published files, or else layer names."""
        from layergraph.pretrained.name_matching import parts

        theirs = {f"{key}.weight" for key in self.keys.values()}
        found = sum(any(name[start:] in theirs for start in (0, *parts(name))) for name in self.tensors)
        return 2 * found > len(theirs)  # more than the few that may be called alike

    def torchvision(self, make: Callable[[tuple[int, ...], bool], LayerGraph]) -> bool:
        """Whether the weights are for the details of the published files, or else for MATLAB's.

        A file that ``save`` wrote also holds its layers: they are compared with those that ``make`` makes of
        their image size, for MATLAB's details (``False``) and for the others (``True``).
        """
        from layergraph.graph.layer_graph import load

        if self.published:
            return True
        try:
            saved = load(self.path, weights=False)
        except FileFormatError:  # a state dict alone
            return self._normalizes_as(make((224, 224, 3), True))
        size = getattr(saved[saved.input_names[0]], "input_size", None) if saved.input_names else None
        if size is None or len(size) != 3:
            return False

        def alike(lgraph: LayerGraph) -> int:
            return sum(
                name in saved and saved[name] == layer
                for name, layer in zip(lgraph, lgraph.layers, strict=True)
            )

        return alike(make(size, True)) > alike(make(size, False))

    def _normalizes_as(self, lgraph: LayerGraph) -> bool:
        """Whether the file has the means and deviations of this graph's input layer: those of ImageNet."""
        name = lgraph.input_names[0]
        for key in ("mean", "standard_deviation"):
            values, tensor = getattr(lgraph[name], key), self.tensors.get(f"{name}.{key}")
            if values is None or tensor is None or tensor.numel() != len(values):
                return False
            if not all(map(partial(math.isclose, rel_tol=1e-6), tensor.flatten().tolist(), values)):
                return False
        return True

    def put_onto(self, lgraph: LayerGraph, include_head: bool, torchvision: bool) -> LayerGraph:
        """The graph with these weights; the layer of the classes may have another number of them.

        Raises:
            WeightsMismatchError: they do not fit.
        """
        from layergraph.pretrained import load_weights

        classes = [
            name
            for name in lgraph.order
            if include_head and isinstance(lgraph[name], (Convolution2dLayer, FullyConnectedLayer))
        ][-1:]
        keys = self.keys if self.published else None
        try:
            lgraph, report = load_weights(
                lgraph, self.tensors, keys, may_differ=classes, origin=repr(os.fspath(self.path))
            )
        except WeightsMismatchError as error:
            advice = self._hint(lgraph, error, torchvision)
            raise WeightsMismatchError(f"{self.builder}: {error}{advice}", error.faults) from None
        if missing := [name for name in report.not_loaded if name not in classes]:
            from layergraph.wording import listed

            raise WeightsMismatchError(
                f"{self.builder}: {os.fspath(self.path)!r} has nothing for {len(missing)} of the layers, "
                f"{listed(missing)}; is it of another network?"
            )
        return lgraph

    def _hint(self, lgraph: LayerGraph, error: WeightsMismatchError, torchvision: bool) -> str:
        """What to do, where that can be told."""
        if self.published and not torchvision:
            return "\nthe file is for conventions='torchvision'; that, or 'auto', makes the layers it has"
        if error.faults and all(isinstance(lgraph[name], FullyConnectedLayer) for name, _ in error.faults):
            return (
                "\nits fully connected layers are for another image size: take that one (fully_convolutional "
                "makes a network for any size of it), or include_head=False"
            )
        return ""
