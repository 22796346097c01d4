"""The items of the training data, checked against the network, and their mini-batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from layergraph.data.image_datastore import ImageDatastore
from layergraph.data.image_labels import LabeledImageDatastore
from layergraph.data.randomness import item_randomness, kept_randomness
from layergraph.errors import DataError, InvalidNetworkError, LayergraphError, WrongTypeError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.nearest_sizes import misfit
from layergraph.graph.probabilities import missing_softmax
from layergraph.graph.size_inference import InferredSizes, infer_sizes
from layergraph.sizes import Shape, Size
from layergraph.training.batches.array_pairs import ArrayPairs
from layergraph.training.batches.batch import Batch, Item
from layergraph.training.batches.class_names import add_class_names
from layergraph.training.batches.input_images import InputImages, stack_images
from layergraph.training.batches.masks import is_mask, refuse_masks
from layergraph.training.batches.mini_batches import ItemKey
from layergraph.training.batches.plain_items import plain_item
from layergraph.training.batches.targets import has_label, num_classes, target_array
from layergraph.training.batches.training_data import TrainingData
from layergraph.training.series import Metric
from layergraph.wording import listed, quoted, times


class Items:
    """The checked items of the training data: each is checked at its read, the first in the constructor.

    Args:
        data: pairs (image, target); with several input or output layers, one image per input layer and then
            one target per output layer, in the order of the graph's ``input_names`` and ``output_names``,
            or a mapping by their names.
        lgraph: the network to train.
        argument: the name of ``data`` in errors.

    Attributes:
        input_layers: the input layers, in the order of the graph's ``input_names``.
        output_layers: the output layers, which have the class names of the data.
        dtype: the dtype of the network, and of all images and responses except 8-bit images.
        has_labels: whether any target read so far has a label, per output layer; always for a regression.
        seed: the seed of random transforms.

    Raises:
        InvalidNetworkError: the graph cannot run.
        DataError: there are no items, or an item does not fit the network; the message names it.
    """

    def __init__(self, data: TrainingData, lgraph: LayerGraph, argument: str = "data") -> None:
        # a stream of torch inherits a __getitem__ that always raises
        has_positions = hasattr(data, "__getitem__") and not isinstance(data, (str, IterableDataset))
        if not (hasattr(data, "__len__") and has_positions):
            raise WrongTypeError(
                f"train_network: {argument} must be a combined datastore or a sequence of pairs (image, "
                f"target), got an object of type {type(data).__name__}{_advice(data)}"
            )
        if isinstance(data, ImageDatastore) and data.labels is not None:
            data = LabeledImageDatastore(data)
        # 1. the graph, before the data is read: its errors need no item
        self._data, self._lgraph, self._argument = data, lgraph, argument
        # once: each item is named when it is read, and a store of patches makes its files anew each time
        self._files = getattr(data, "files", None)
        # data in memory draws no random numbers, whose seeds take longer than its reads
        self._may_draw = not (data.in_memory if isinstance(data, ArrayPairs) else type(data) in (list, tuple))
        self.dtype = torch.float32
        self.seed = 0
        sizes = infer_sizes(lgraph)
        # without a softmax all sizes fit, and training would run on a loss of the wrong numbers
        if errors := [*sizes.errors, *missing_softmax(lgraph)]:
            raise InvalidNetworkError(errors)
        if not lgraph.input_names:
            raise LayergraphError("train_network: lgraph must have an input layer, got none")
        # 2. the classes, which the data may name
        scores = _score_sizes(sizes, lgraph)
        self._lgraph = lgraph = add_class_names(lgraph, data, scores)
        # once and not at each read, since the graph looks for their names among all layers
        self._layer_names = (*lgraph.input_names, *lgraph.output_names)
        self.input_layers = [lgraph[name] for name in lgraph.input_names]
        self.output_layers = [lgraph[name] for name in lgraph.output_names]
        self._inputs = [InputImages(layer) for layer in self.input_layers]
        shapes = tuple(images.size for images in self._inputs)
        self._known_scores = {shapes: scores}  # by the shapes of the images
        pairs = zip(self.output_layers, scores, strict=True)
        is_class = [num_classes(layer, size) is not None for layer, size in pairs]
        self.metric: Metric = "Accuracy" if any(is_class) else "RMSE"
        # 3. the first item: a fault that all items have is reported before the device and the log
        if not len(data):
            raise DataError(f"train_network: {argument} must have one item or more, got none")
        # whether any target read so far has a label, per output layer
        self.has_labels = [not has_classes for has_classes in is_class]
        targets = self.read(0).targets
        is_per_pixel = getattr(self.output_layers[0], "per_pixel", False)
        # ArrayPairs has looked for masks
        if is_per_pixel and not isinstance(data, ArrayPairs) and is_mask(targets[0]):
            owner = f"train_network: the targets of {argument}"
            refuse_masks(self._plain_targets(), owner, in_memory=type(data) in (list, tuple))

    @property
    def lgraph(self) -> LayerGraph:
        """The network to train; its output layers have the class names of the data."""
        return self._lgraph

    @property
    def sized_lgraph(self) -> LayerGraph:
        """The network with the sizes of the largest images so far in its input layers."""
        return self._sized(max(self._known_scores, key=lambda shapes: sum(map(prod, shapes))))

    def __len__(self) -> int:
        return len(self._data)

    def item_name(self, index: int) -> str:
        """The name of an item in errors: its file, or its index."""
        if self._files is None:
            return f"item {index}" if self._argument == "data" else f"item {index} of {self._argument}"
        # 4096 is the longest path on Linux: a shortened path could not be opened
        return f"image {quoted(str(self._files[index]), longest=4096)}"

    def read(self, index: int, epoch: int = 0) -> Item:
        """The images and targets of an item, the targets as the losses take them.

        Random transforms depend on ``seed``, epoch and index alone.
        """
        name = self.item_name(index)
        randomness: AbstractContextManager[object] = nullcontext()
        if self._may_draw:
            randomness = item_randomness(self.seed, epoch, index)
        with randomness:
            item = plain_item(self._data[index])
        parts = self._parts(item, name)
        count = len(self._inputs)
        images = tuple(
            inputs.image(part, name) for inputs, part in zip(self._inputs, parts[:count], strict=True)
        )
        scores = self._scores(tuple(image.shape for image in images), f"train_network: {name}")
        targets = []
        rows = zip(parts[count:], self.output_layers, scores, strict=True)
        for number, (part, layer, size) in enumerate(rows):
            owner = f"train_network: the target of {name}"
            if len(scores) > 1:
                owner += f" for layer {quoted(layer.name)}"
            target = target_array(part, layer, size, owner, float64=self.dtype == torch.float64)
            self.has_labels[number] = self.has_labels[number] or has_label(target, layer)
            targets.append(target)
        return Item(images, tuple(targets))

    def _parts(self, item: Any, name: str) -> Sequence[Any]:
        """The images and the targets of an item in the order of the layers."""
        layers = self._layer_names
        if isinstance(item, Mapping):
            if missing := [layer for layer in layers if layer not in item]:
                raise DataError(
                    f"train_network: {name} must have a value for each input and output layer "
                    f"({listed(layers)}), got none for {quoted(missing[0])}; DatasetDatastore(dataset, "
                    "('image', 'label')) chooses columns"
                )
            return [item[layer] for layer in layers]
        if not isinstance(item, (tuple, list)) or len(item) != len(layers):
            is_row = isinstance(item, (tuple, list))
            got = f"{len(item)} values" if is_row else f"an object of type {type(item).__name__}"
            form = "a pair (image, target)"
            if len(layers) > 2:
                form = f"{len(layers)} values, one per input and output layer ({listed(layers, len(layers))})"
            raise DataError(f"train_network: {name} must be {form}, got {got}")
        return item

    def _plain_targets(self) -> Iterator[Any]:
        """The targets of the first output layer as the data has them."""
        for index in range(len(self)):
            with item_randomness(self.seed, 0, index):
                item = plain_item(self._data[index])
            yield self._parts(item, self.item_name(index))[len(self._inputs)]

    def check_labels(self) -> None:
        """Raise if no target so far has a label: the network learned nothing, and the accuracy is 0/0."""
        for layer, has_labels in zip(self.output_layers, self.has_labels, strict=True):
            if not has_labels:
                place = f" for layer {quoted(layer.name)}" if len(self.has_labels) > 1 else ""
                owner = "training" if self._argument == "data" else "validation"
                raise DataError(
                    f"train_network: the {owner} data must have labels{place}, got targets that are "
                    f"unlabeled ({getattr(layer, 'unlabeled', None)}) everywhere; check the label ids"
                )

    def batch(self, keys: Sequence[ItemKey]) -> Any:
        """The mini-batch of these items: images as uint8 if all are, else in the network's dtype, and
        targets."""
        with self.kept_randomness():
            items = [self.read(key.item, key.epoch) for key in keys]
        indices = [key.item for key in keys]
        for column in zip(*(item.images for item in items), strict=True):
            for index, image in zip(indices, column, strict=True):
                if image.shape != column[0].shape:
                    raise DataError(
                        "train_network: the images of a mini-batch must have one size, got "
                        f"{times(image.shape)} ({self.item_name(index)}) and {times(column[0].shape)} "
                        f"({self.item_name(indices[0])}); resize or crop them, for example with transform, "
                        "or train with mini_batch_size=1"
                    )
        for column in zip(*(item.targets for item in items), strict=True):
            for index, target in zip(indices, column, strict=True):
                if target.ndim != column[0].ndim:
                    raise DataError(
                        "train_network: the targets of a mini-batch must be all class indices or all "
                        f"probabilities, got both ({self.item_name(index)} and {self.item_name(indices[0])})"
                    )
        return self.collate(items)

    def collate(self, items: Sequence[Item]) -> Batch:
        """The mini-batch of items with images of one size."""
        images, targets = ([*zip(*parts, strict=True)] for parts in zip(*items, strict=True))
        return Batch(
            tuple(stack_images(column, self.dtype) for column in images),
            tuple(torch.from_numpy(np.stack(column)) for column in targets),
        )

    def kept_randomness(self) -> AbstractContextManager[None]:
        """A context that makes a series of reads faster."""
        return kept_randomness() if self._may_draw else nullcontext()

    def _scores(self, shapes: tuple[Shape, ...], where: str) -> list[Size]:
        """The sizes of the scores for images of these shapes.

        Raises:
            DataError: the network cannot take them.
        """
        # size inference runs once per shape of images, not once per image
        if shapes not in self._known_scores:
            names = self._lgraph.input_names
            spatial = {name: shape[:-1] for name, shape in zip(names, shapes, strict=True)}
            if reason := misfit(self._lgraph, spatial, _advise_to_resize):
                raise DataError(f"{where}: {reason}")
            lgraph = self._sized(shapes)
            self._known_scores[shapes] = _score_sizes(infer_sizes(lgraph), lgraph)
        return self._known_scores[shapes]

    def _sized(self, shapes: tuple[Shape, ...]) -> LayerGraph:
        """The network for images of these shapes."""
        lgraph = self._lgraph
        for inputs, shape in zip(self._inputs, shapes, strict=True):
            lgraph = lgraph.replace_layer(inputs.layer.name, replace(inputs.layer, input_size=shape))
        return lgraph


def _advice(data: object) -> str:
    """What to do with data that has no positions."""
    if isinstance(data, DataLoader):
        return "; give its dataset, and the size of its batches as mini_batch_size"
    is_stream = isinstance(data, (IterableDataset, Iterator))
    if is_stream or (hasattr(data, "__iter__") and not hasattr(data, "__len__")):
        return (
            "; a stream has no positions, by which an epoch is shuffled and a checkpoint goes on: give "
            "list(data) if its items fit in memory, or else a Datastore whose read_item(index) reads one"
        )
    return ""


def _score_sizes(sizes: InferredSizes, lgraph: LayerGraph) -> list[Size]:
    """The size of the input of each output layer."""
    return [size for name in lgraph.output_names for size in sizes.inputs[name] if size is not None]


def _advise_to_resize(size: Shape) -> str:
    return f"resize or crop images and targets to {times(size)}, for example with transform"
