"""The items of the training data, checked against the network, and their mini-batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from layergraph.errors import DataError, InvalidNetworkError, LayergraphError, WrongTypeError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.nearest_sizes import misfit
from layergraph.graph.probabilities import missing_softmax
from layergraph.graph.size_inference import InferredSizes, infer_sizes
from layergraph.layers.layer import Layer
from layergraph.sizes import Shape, Size
from layergraph.training.batches.class_names import add_class_names
from layergraph.training.batches.targets import num_classes, target_array
from layergraph.training.batches.training_data import TrainingData
from layergraph.training.series import Metric
from layergraph.wording import counted, quoted, times


class Items(Dataset[Any]):
    """The checked items of the training data: each is checked at its read, the first in the constructor.

    Args:
        data: pairs (image, target).
        lgraph: the network to train, with one input and one output layer.

    Attributes:
        dtype: the dtype of the network, and of all images and responses except 8-bit images.

    Raises:
        InvalidNetworkError: the graph cannot run.
        DataError: there are no items, or an item does not fit the network; the message names it.
    """

    def __init__(self, data: TrainingData, lgraph: LayerGraph) -> None:
        if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")) or isinstance(data, str):
            raise WrongTypeError(
                "train_network: data must be a combined datastore or a sequence of pairs (image, target), "
                f"got an object of type {type(data).__name__}"
            )
        # 1. the graph, before the data is read: its errors need no item
        self._data, self._lgraph = data, lgraph
        self.dtype = torch.float32
        self._first: tuple[np.dtype[Any], str] | None = None  # the dtype of the first image, and its item
        sizes = infer_sizes(lgraph)
        # without a softmax all sizes fit, and training would run on a loss of the wrong numbers
        if errors := [*sizes.errors, *missing_softmax(lgraph)]:
            raise InvalidNetworkError(errors)
        if len(lgraph.input_names) != 1 or len(lgraph.output_names) != 1:
            raise LayergraphError(
                "train_network: lgraph must have one input layer and one output layer, got "
                f"{len(lgraph.input_names)} and {len(lgraph.output_names)}"
            )
        # 2. the classes, which the data may name
        scores = _score_size(sizes, self.output_layer)
        self._lgraph = add_class_names(lgraph, data, self.output_layer, scores)
        layer: Any = self.input_layer
        self._input_size: Shape = tuple(layer.input_size)
        self._score_sizes: dict[Shape, Size] = {self._input_size: scores}  # by the shape of an image
        self.metric: Metric = "RMSE" if num_classes(self.output_layer, scores) is None else "Accuracy"
        # 3. the first item: a fault that all items have is reported before the device and the log
        if not len(data):
            raise DataError("train_network: data must have one item or more, got none")
        self.has_labels = False  # whether any target read so far has one
        self._unlabeled = getattr(self.output_layer, "unlabeled", None)
        self.read(0)

    @property
    def lgraph(self) -> LayerGraph:
        """The network to train; its output layer has the class names of the data."""
        return self._lgraph

    @property
    def input_layer(self) -> Layer:
        """The input layer."""
        return self._lgraph[self._lgraph.input_names[0]]

    @property
    def output_layer(self) -> Layer:
        """The output layer."""
        return self._lgraph[self._lgraph.output_names[0]]

    def __len__(self) -> int:
        return len(self._data)

    def item_name(self, index: int) -> str:
        """The name of an item in errors: its file, or its index."""
        files = getattr(self._data, "files", None)
        # 4096 is the longest path on Linux: a shortened path could not be opened
        return f"item {index}" if files is None else f"image {quoted(str(files[index]), longest=4096)}"

    def read(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """The image (height, width, channels), and the target as the loss takes it."""
        item, name = self._data[index], self.item_name(index)
        where = f"train_network: {name}"
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            is_row = isinstance(item, (tuple, list))
            got = f"{len(item)} values" if is_row else f"an object of type {type(item).__name__}"
            raise DataError(f"{where} must be a pair (image, target), got {got}")
        image = np.asarray(item[0])
        # many programs read gray images without a channel axis
        if image.ndim == len(self._input_size) - 1 and self._input_size[-1] == 1:
            image = image[..., None]
        if image.dtype.kind not in "biuf" or image.ndim != len(self._input_size):
            raise DataError(
                f"{where} must be an array of numbers, {times(self._input_size)} as the input layer "
                f"{self.input_layer.name!r} takes, got {image.dtype} of shape {image.shape}"
            )
        self._check_dtype(image.dtype, name)
        # images of other sizes than the input layer's are accepted if they fit
        size = self._score_size(image.shape, where)
        float64 = self.dtype == torch.float64
        owner = f"train_network: the target of {name}"
        target = target_array(item[1], self.output_layer, size, owner, float64=float64)
        self.has_labels = self.has_labels or bool((target != self._unlabeled).any())
        return image, target

    def check_labels(self) -> None:
        """Raise if no target so far has a label: the network learned nothing, and the accuracy is 0/0."""
        if not self.has_labels:
            raise DataError(
                "train_network: the training data must have labels, got targets that are unlabeled "
                f"({self._unlabeled}) everywhere; check the label ids"
            )

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The mini-batch of these items: images (batch, channels, height, width), as uint8 if all are, else
        in the network's dtype, and targets. A ``DataLoader`` calls this method."""
        images, targets = zip(*map(self.read, indices), strict=True)
        for index, image in zip(indices, images, strict=True):
            if image.shape != images[0].shape:
                raise DataError(
                    f"train_network: the images of a mini-batch must have one size, got {times(image.shape)} "
                    f"({self.item_name(index)}) and {times(images[0].shape)} ({self.item_name(indices[0])}); "
                    "resize or crop them, for example with transform, or train with mini_batch_size=1"
                )
        return self.stack(images), torch.from_numpy(np.stack(targets))

    def stack(self, images: Sequence[NDArray[Any]]) -> Tensor:
        """Images of one size as a tensor (batch, channels, height, width)."""
        eight_bit = all(image.dtype == np.uint8 for image in images)
        wide = np.float64 if self.dtype == torch.float64 else np.float32
        *spatial, channels = images[0].shape
        # one copy per image, where np.stack and a transposition take two; bytes are a quarter of the transfer
        batch = np.empty((len(images), channels, *spatial), np.uint8 if eight_bit else wide)
        for target, image in zip(batch, images, strict=True):
            target[...] = np.moveaxis(image, -1, 0)
        return torch.from_numpy(batch)

    def _check_dtype(self, dtype: np.dtype[Any], name: str) -> None:
        """Refuse integers of 8 and of 16 bits in one set, or integers and decimals: their ranges differ."""
        if self._first is None:
            self._first = dtype, name
        first, first_name = self._first
        if dtype != first and not (dtype.kind == first.kind == "f"):
            raise DataError(
                f"train_network: all images must have one type of numbers, and so one range, got {dtype} "
                f"({name}) and {first} ({first_name}); convert them, for example with transform"
            )

    def _score_size(self, shape: Shape, where: str) -> Size:
        """The size of the scores for an image of this shape; ``DataError`` if the network cannot take it."""
        # size inference runs once per shape of images, not once per image
        if shape not in self._score_sizes:
            channels, layer = self._input_size[-1], cast(Any, self.input_layer)
            if shape[-1] != channels:
                raise DataError(
                    f"{where} must have {counted(channels, 'channel')}, as the input layer {layer.name!r} "
                    f"takes, got {times(shape)}"
                )
            if reason := misfit(self._lgraph, {layer.name: shape[:-1]}, _advise_to_resize):
                raise DataError(f"{where}: {reason}")
            lgraph = self._lgraph.replace_layer(layer.name, replace(layer, input_size=shape))
            self._score_sizes[shape] = _score_size(infer_sizes(lgraph), self.output_layer)
        return self._score_sizes[shape]


def _score_size(sizes: InferredSizes, output: Layer) -> Size:
    """The size of the input of an output layer."""
    (size,) = sizes.inputs[output.name]
    assert size is not None
    return size


def _advise_to_resize(size: Shape) -> str:
    return f"resize or crop images and targets to {times(size)}, for example with transform"
