"""The items of the training data."""

import numpy as np
import pytest
import torch

from layergraph.builders import segnet_layers
from layergraph.training.batches import items as items_module
from layergraph.training.batches.array_pairs import ArrayPairs
from layergraph.training.batches.items import Items
from layergraph.training.batches.mini_batches import ItemKey

GRAPH = segnet_layers((8, 8, 1), 2, 1)


class Dataset:
    """The items of a list, behind a class that might draw random numbers."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        return self.pairs[index]


def arrays(pairs):
    return ArrayPairs(*map(np.stack, zip(*pairs, strict=True)), GRAPH, "train_network")


@pytest.mark.parametrize("kind", [list, tuple, arrays, Dataset])
def test_only_data_that_may_draw_random_numbers_takes_the_time_for_seeds(kind, monkeypatch):
    seeds = []
    original = items_module.item_randomness

    def counted(*numbers):
        seeds.append(numbers)
        return original(*numbers)

    monkeypatch.setattr(items_module, "item_randomness", counted)
    random = np.random.default_rng(0)
    pairs = [(random.random((8, 8, 1), np.float32), random.integers(0, 2, (8, 8))) for _ in range(3)]
    items = Items(kind(pairs), GRAPH)
    batch = items.batch([ItemKey(2, 1), ItemKey(2, 0)])
    assert seeds == ([(0, 0, 0), (0, 2, 1), (0, 2, 0)] if kind is Dataset else [])
    assert torch.equal(batch.images[0][0, 0], torch.from_numpy(pairs[1][0][..., 0]))
    assert torch.equal(batch.targets[0][1], torch.from_numpy(pairs[0][1]).to(torch.uint8))
