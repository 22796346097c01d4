"""The validation data, and the loss and metric of a network on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import numpy as np
import torch
from lightning import Trainer

from layergraph.errors import DataError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.network.modes import inference
from layergraph.training.batches.batch import Batch, Item
from layergraph.training.batches.input_images import stack_images
from layergraph.training.batches.items import Items
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.random_state import same_random_state
from layergraph.training.validation.validation_totals import ValidationTotals


class ValidationSet:
    """The items of the validation data, all of them, in their order.

    Args:
        data: as the training data; or a pair (images, targets) of arrays whose first axis counts items.
        lgraph: the network, with the class names of the training data.
        size: items per mini-batch, at most; those of a mini-batch may have several sizes.

    Raises:
        DataError: the first item does not fit the network, or the classes differ from those of the training.
    """

    def __init__(self, data: Any, lgraph: LayerGraph, size: int) -> None:
        self._items = Items(_pairs(data), lgraph, argument="validation_data")
        self._size = size

    def evaluate(
        self, module: TrainingModule, trainer: Trainer, proceed: Callable[[], bool]
    ) -> tuple[float, float] | None:
        """The loss and the metric of the network in evaluation mode; its mode and random states stay.

        Args:
            module: around the network, on its device.
            trainer: knows precision and device.
            proceed: called before each mini-batch; False ends the evaluation, which returns None.

        Raises:
            DataError: an item does not fit the network, or no target has a label.
        """
        totals = ValidationTotals(module.net, self._items.lgraph, self._items.metric)
        with inference(module.net), same_random_state():
            for batch in self._batches(module.dtype_of_images, proceed):
                if batch is None:
                    return None
                moved = trainer.strategy.batch_to_device(batch)
                with trainer.precision_plugin.val_step_context():
                    totals.add(module.scores(moved), moved.targets)
        self._items.check_labels()
        return totals.results()

    def _batches(self, dtype: torch.dtype, proceed: Callable[[], bool]) -> Iterator[Batch | None]:
        for start in range(0, len(self._items), self._size):
            # before the items are read, which may take longer than the network
            if not proceed():
                yield None
                return
            indices = range(start, min(start + self._size, len(self._items)))
            items = map(self._items.read, indices)
            # in their order, so that only neighbors of one size share a mini-batch
            for _, group in groupby(items, key=lambda item: [image.shape for image in item.images]):
                yield _collate([*group], dtype)


def _collate(items: list[Item], dtype: torch.dtype) -> Batch:
    images, targets = ([*zip(*parts, strict=True)] for parts in zip(*items, strict=True))
    return Batch(
        tuple(stack_images(column, dtype) for column in images),
        tuple(torch.from_numpy(np.stack(column)) for column in targets),
    )


def _pairs(data: Any) -> Any:
    """The data with an item per index; arrays of images and of targets are split into items."""
    if not (isinstance(data, (tuple, list)) and len(data) == 2):
        return data
    images, targets = data
    # two items of a list are pairs themselves
    if not all(hasattr(part, "shape") and hasattr(part, "__len__") for part in (images, targets)):
        return data
    if len(images) != len(targets):
        raise DataError(
            "train_network: validation_data must be images and as many targets, got "
            f"{len(images)} and {len(targets)}"
        )
    return [*zip(images, targets, strict=True)]
