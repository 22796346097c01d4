"""The validation data, and the loss and metric of a network on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from lightning import Trainer
from torch import Tensor

from layergraph.graph.layer_graph import LayerGraph
from layergraph.network.modes import inference
from layergraph.training.batches.array_pairs import ArrayPairs
from layergraph.training.batches.batch import Batch
from layergraph.training.batches.items import Items
from layergraph.training.batches.loader import BatchLoader
from layergraph.training.batches.mini_batches import ItemKey
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.options import TrainingOptions
from layergraph.training.random_state import same_random_state
from layergraph.training.validation.validation_totals import ValidationTotals


class ValidationSet:
    """The items of the validation data, all of them, in their order.

    Args:
        data: as the training data; or a pair (images, targets) of arrays whose first axis counts items.
        lgraph: the network, with the class names of the training data.
        options: those of the training, for the size of mini-batches and the number of workers.

    Raises:
        DataError: the first item does not fit the network, or the classes differ from those of the training.
    """

    def __init__(self, data: Any, lgraph: LayerGraph, options: TrainingOptions) -> None:
        self._items = _ValidationItems(_pairs(data, lgraph), lgraph, argument="validation_data")
        self._options = options

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
        self._items.dtype = module.dtype_of_images
        processes = module.processes
        # each process has running averages of its own, of which those of the first count
        processes.send(module.net.buffers())
        answers = processes.share(lambda: self._evaluate_part(module, trainer, proceed))
        parts = [part for part in answers if part is not None]
        if len(parts) < len(answers):  # one process ended it for all
            return None
        totals = ValidationTotals(module.net, self._items.lgraph, self._items.metric)
        for rows, _ in parts:
            totals.add_rows(rows)
        self._items.has_labels = [any(flags) for flags in zip(*(flags for _, flags in parts), strict=True)]
        processes.share(self._items.check_labels)
        return totals.results()

    def _evaluate_part(
        self, module: TrainingModule, trainer: Trainer, proceed: Callable[[], bool]
    ) -> tuple[list[list[Tensor]], list[bool]] | None:
        """The rows of :class:`ValidationTotals` for the items of this process, and its labels."""
        processes = module.processes
        keys = [ItemKey(0, index) for index in range(len(self._items))]
        # those of the training, which a process has only a part of
        size = -(-self._options.mini_batch_size // processes.count)
        chunks = processes.part([keys[start : start + size] for start in range(0, len(keys), size)])
        totals = ValidationTotals(module.net, self._items.lgraph, self._items.metric)
        # as many workers as the training has; they start anew for each validation
        num_workers = min(self._options.num_workers, len(chunks))
        loader = BatchLoader(self._items, chunks, num_workers=num_workers)
        try:
            with inference(module.net), same_random_state():
                readings = iter(loader)
                for _ in chunks:
                    # before the items are read, which may take longer than the network
                    if not proceed():
                        return None
                    for batch in next(readings):
                        moved = trainer.strategy.batch_to_device(batch)
                        with trainer.precision_plugin.val_step_context():
                            totals.add(module.scores(moved), moved.targets)
        finally:
            loader.close()
        return totals.rows(), self._items.has_labels


class _ValidationItems(Items):
    """Items whose mini-batches may hold images of several sizes."""

    def batch(self, keys: Sequence[ItemKey]) -> list[Batch]:
        with self.kept_randomness():
            items = [self.read(key.item, key.epoch) for key in keys]
        # in their order, so that only neighbors of one size are joined
        groups = groupby(items, key=lambda item: [part.shape for parts in item for part in parts])
        return [self.collate([*group]) for _, group in groups]


def _pairs(data: Any, lgraph: LayerGraph) -> Any:
    """The data with an item per index; arrays of images and of targets are split into items."""
    if not (isinstance(data, (tuple, list)) and len(data) == 2):
        return data
    images, targets = data
    # two items of a list are pairs themselves, which have no shape
    if not hasattr(images, "shape"):
        return data
    return ArrayPairs(images, targets, lgraph, "train_network: validation_data")
