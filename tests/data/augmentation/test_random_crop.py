"""Crops: the same window of image and labels, everywhere, and balanced over classes on request."""

import numpy as np
import pytest

from layergraph.data import LabelArray, RandomCrop
from layergraph.data.randomness import item_randomness
from layergraph.errors import ArgumentError, DataError

ROWS, COLUMNS = np.indices((7, 9), np.uint8)
LABELS = LabelArray(np.where((ROWS == 6) & (COLUMNS == 8), 1, 0), ["frequent", "rare"])
PAIR = (np.stack([ROWS, COLUMNS], axis=-1), LABELS)


def crops(crop, count):
    for index in range(count):
        with item_randomness(0, 0, index):
            yield crop(PAIR)


def test_image_and_labels_are_cut_alike_and_every_window_occurs():
    corners = set()
    for image, labels in crops(RandomCrop((5, 6)), 200):
        row, column = image[0, 0].tolist()
        np.testing.assert_array_equal(image, PAIR[0][row : row + 5, column : column + 6])
        np.testing.assert_array_equal(labels, LABELS[row : row + 5, column : column + 6])
        assert labels.classes == LABELS.classes
        corners.add((row, column))
    assert corners == {(row, column) for row in range(3) for column in range(4)}


def test_balanced_crops_hold_the_rare_class_as_often_as_its_share():
    plain = sum("rare" in labels for _, labels in crops(RandomCrop((3, 3)), 300))
    balanced = sum("rare" in labels for _, labels in crops(RandomCrop((3, 3), class_balanced=True), 300))
    assert plain < 30
    assert 120 < balanced < 190


def test_unlabeled_pixels_count_for_no_class():
    unlabeled = np.full((7, 9), 255, np.uint8)
    unlabeled[3, 4] = 0
    for _ in range(20):
        _, labels = RandomCrop((2, 2), class_balanced=1)((PAIR[0], unlabeled))
        assert (labels == 0).any()
    unlabeled[3, 4] = 255
    assert RandomCrop((2, 2), class_balanced=True)((PAIR[0], unlabeled))[1].shape == (2, 2)


def test_wrong_sizes_and_missing_labels_raise():
    with pytest.raises(DataError, match="must be at least 8×3, got 7×9"):
        RandomCrop((8, 3))(PAIR)
    with pytest.raises(ArgumentError, match="size must be"):
        RandomCrop(5)
    with pytest.raises(DataError, match="class_balanced needs labels"):
        RandomCrop((2, 2), class_balanced=True)(PAIR[0])
