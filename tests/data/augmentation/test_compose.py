"""Chains of augmentations: the numbers of single transforms, whatever the workers."""

import pickle

import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

from layergraph.data import (
    ArrayDatastore,
    ColorJitter,
    Compose,
    GaussianNoise,
    ImageDataAugmenter,
    PixelLabelImageDatastore,
    RandomApply,
    RandomCrop,
    combine,
    item_randomness,
)
from layergraph.errors import ArgumentError, WrongTypeError

RANDOM = np.random.default_rng(0)
IMAGES = ArrayDatastore(RANDOM.integers(0, 256, (6, 20, 24, 3), np.uint8))
LABELS = ArrayDatastore(RANDOM.integers(0, 2, (6, 20, 24), np.uint8), classes=["a", "b"])
PAIRS = combine(IMAGES, LABELS)
STEPS = [
    RandomApply(ImageDataAugmenter(rand_rotation=(-20, 20)), 0.5),
    RandomCrop((16, 16)),
    ColorJitter(brightness=(0.8, 1.2)),
    RandomApply(GaussianNoise(standard_deviation=(0, 9)), 0.5),
]


def item(store, index, epoch=1):
    with item_randomness(3, epoch, index):
        return store[index]


class Epoch(Dataset):
    """The augmented items of an epoch, as plain arrays."""

    def __init__(self, store):
        self._store = store

    def __len__(self):
        return len(self._store)

    def __getitem__(self, index):
        return [np.asarray(part) for part in item(self._store, index)]


def test_a_chain_is_the_chain_of_single_transforms():
    chained, single = PAIRS.transform(Compose(STEPS)), PAIRS
    for step in STEPS:
        single = single.transform(step)
    for index in range(6):
        for one, other in zip(item(chained, index), item(single, index), strict=True):
            np.testing.assert_array_equal(one, other)


def test_items_are_equal_for_any_number_of_workers_and_differ_by_epoch():
    store = PAIRS.transform(Compose(STEPS))
    here = [item(store, index) for index in range(6)]
    loader = DataLoader(Epoch(store), batch_size=None, num_workers=2, multiprocessing_context="fork")
    for one, other in zip(here, loader, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])
    assert any((here[index][0] != item(store, index, epoch=2)[0]).any() for index in range(6))


def test_a_chain_is_one_data_augmentation():
    store = PixelLabelImageDatastore(IMAGES, LABELS, data_augmentation=Compose(STEPS))
    image, labels = store[0]
    assert (image.shape, labels.shape) == ((16, 16, 3), (16, 16))


def test_the_share_of_changed_items_is_the_probability():
    def share(probability):
        apply, changed = RandomApply(lambda number: -number, probability), 0
        for index in range(400):
            with item_randomness(0, 0, index):
                changed += apply(1) == -1
        return changed / 400

    assert share(0) == 0
    assert share(1) == 1
    assert share(0.3) == pytest.approx(0.3, abs=0.1)


def test_chains_are_values_and_wrong_ones_raise():
    chain = Compose(iter(STEPS))
    assert chain == Compose(STEPS)
    assert pickle.loads(pickle.dumps(chain)) == chain
    with pytest.raises(
        WrongTypeError, match="Compose: functions must be a list of functions, got ColorJitter"
    ):
        Compose(STEPS[2])
    with pytest.raises(WrongTypeError, match="Compose: a function must be callable with one item, got str"):
        Compose("ab")
    with pytest.raises(WrongTypeError, match="RandomApply: a function must be callable"):
        RandomApply([*STEPS], 0.5)
    with pytest.raises(ArgumentError, match="RandomApply: probability must be a finite number from 0 to 1"):
        RandomApply(STEPS[2], 30)
