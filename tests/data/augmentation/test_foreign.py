"""Callables in the style of three libraries, by stand-ins that call and return as those do."""

import random
import sys
import types

import numpy as np
import pytest
import torch

from layergraph.data import LabelArray, augment_with
from layergraph.data.randomness import item_randomness
from layergraph.errors import ArgumentError, DataError, WrongTypeError

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(0, 256, (6, 8, 3), np.uint8)
LABELS = LabelArray(RANDOM.integers(1, 3, (6, 8)), ["a", "b", "c"])


class Albumentations:
    """Moves to the right by a random distance, from a generator of its own, and fills masks."""

    def __init__(self, fill_mask=0):
        self._random, self._fill_mask = random.Random(), fill_mask

    def set_random_seed(self, seed):
        self._random.seed(seed)

    def __call__(self, *, image, mask=None):
        distance = self._random.randrange(1, 7)
        result = {"image": moved(image, distance, 0)}
        return result if mask is None else {**result, "mask": moved(mask, distance, self._fill_mask)}


def moved(array, distance, fill):
    result = np.full_like(array, fill)
    result[:, distance:] = array[:, :-distance]
    return result


def torch_moved(*tensors):
    """As torchvision and kornia: channels first, the distance from torch's global state, filled with 0."""
    distance = int(torch.randint(1, 7, ()))
    results = []
    for tensor in tensors:
        result = torch.zeros_like(tensor)
        result[..., distance:] = tensor[..., :-distance]
        results.append(result)
    return results[0] if len(results) == 1 else tuple(results)


@pytest.fixture(autouse=True)
def fake_torchvision(monkeypatch):
    tv_tensors = types.ModuleType("torchvision.tv_tensors")
    tv_tensors.Image = tv_tensors.Mask = lambda tensor: tensor
    monkeypatch.setitem(sys.modules, "torchvision", types.ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.tv_tensors", tv_tensors)


FUNCTIONS = [
    (Albumentations(), "albumentations"),
    (Albumentations(fill_mask=255), "albumentations"),
    (torch_moved, "torchvision"),
    (torch_moved, "kornia"),
]


@pytest.mark.parametrize(("function", "library"), FUNCTIONS)
def test_labels_move_with_the_image_and_uncovered_ones_are_unlabeled(function, library):
    distances = set()
    for index in range(30):
        with item_randomness(0, 0, index):
            image, labels = augment_with(function, library)((IMAGE, LABELS))
        distance = int((np.asarray(labels)[0] == 255).sum())
        distances.add(distance)
        np.testing.assert_array_equal(image, moved(IMAGE, distance, 0))
        np.testing.assert_array_equal(labels, moved(np.asarray(LABELS), distance, 255))
        assert (image.dtype, labels.dtype, labels.classes) == (np.uint8, np.uint8, LABELS.classes)
    assert distances == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(("function", "library"), FUNCTIONS)
def test_equal_items_are_equal_in_any_order(function, library):
    augment = augment_with(function, library)

    def result(index):
        with item_randomness(0, 0, index):
            return augment((IMAGE, LABELS))[0].tolist()

    forward = [result(index) for index in range(8)]
    assert forward == [result(index) for index in reversed(range(8))][::-1]


@pytest.mark.parametrize(("function", "library"), FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_alone_keep_their_type_and_shape(function, library, dtype):
    for shape in ((6, 8), (6, 8, 1), (6, 8, 3)):
        image = (RANDOM.random(shape) * 200).astype(dtype)
        result = augment_with(function, library)(image)
        assert (result.shape, result.dtype) == (image.shape, image.dtype)


def test_unlabeled_pixels_stay_unlabeled():
    labels = np.full((6, 8), 255, np.uint8)
    for function, library in FUNCTIONS:
        assert (augment_with(function, library)((IMAGE, labels))[1] == 255).all()


def test_wrong_callables_and_items_raise():
    with pytest.raises(WrongTypeError, match="function must be callable, got int"):
        augment_with(3)
    with pytest.raises(ArgumentError, match="say whose calls it takes with library="):
        augment_with(torch_moved)
    with pytest.raises(ArgumentError, match="library must be 'albumentations', 'torchvision' or 'kornia'"):
        augment_with(torch_moved, "opencv")
    with pytest.raises(DataError, match="an item must be an image or"):
        augment_with(torch_moved, "kornia")((IMAGE, IMAGE / 255))
    with pytest.raises(DataError, match="got a volume"):
        augment_with(torch_moved, "kornia")(np.zeros((4, 4, 4, 1)))
    with pytest.raises(DataError, match="labels must be from 0 to 255"):
        augment_with(torch_moved, "kornia")((IMAGE, np.full((6, 8), 300)))
