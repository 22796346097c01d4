"""Originals beside what an augmentation makes of them."""

import re

import numpy as np
import pytest

from layergraph.data import (
    ArrayDatastore,
    ImageDataAugmenter,
    LabelArray,
    combine,
    item_randomness,
    triangle_images,
    write_image,
)
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.segmentation import augmentation_sheet, distinct_colors, labeloverlay

AUGMENTER = ImageDataAugmenter(rand_rotation=(-90, 90), rand_x_translation=(-5, 5))
IMAGE = np.random.default_rng(0).integers(0, 256, (8, 6), np.uint8)
LABELS = np.arange(48, dtype=np.uint8).reshape(8, 6) % 3


def places(sheet, picture, scale):
    """The corners (top, left) where the sheet has the enlarged picture."""
    large = np.kron(picture, np.ones((scale, scale, 1), np.uint8))
    windows = np.lib.stride_tricks.sliding_window_view(sheet, large.shape)[:, :, 0]
    corners = np.argwhere((windows[:, :, 0, 0] == large[0, 0]).all(axis=2))
    return [(int(y), int(x)) for y, x in corners if np.array_equal(windows[y, x], large)]


def test_versions_are_those_of_the_first_epochs_of_a_training(tmp_path):
    pairs = combine(*triangle_images(tmp_path, n=2))
    sheet = augmentation_sheet(pairs, AUGMENTER, versions=2, seed=5)
    again = augmentation_sheet(pairs, AUGMENTER, versions=2, seed=5)
    np.testing.assert_array_equal(sheet, again)
    store = pairs.transform(AUGMENTER)
    tops = []
    for index in range(2):
        row = [pairs[index]]
        for epoch in range(2):
            with item_randomness(5, epoch, index):
                row.append(store[index])
        found = [places(sheet, labeloverlay(*pair, transparency=0.4), 6) for pair in row]
        assert [len(corners) for corners in found] == [1, 1, 1]
        ((top, *others), lefts) = zip(*(corners[0] for corners in found), strict=True)
        assert others == [top, top]
        assert list(lefts) == sorted(set(lefts))
        tops.append(top)
    assert tops == sorted(set(tops))
    write_image(tmp_path / "sheet.png", sheet)


def test_an_image_alone_and_versions_of_another_size():
    sheet = augmentation_sheet(IMAGE, lambda image: np.pad(255 - image, 4), versions=1, scale=10)
    for picture in (IMAGE, np.pad(255 - IMAGE, 4)):
        assert len(places(sheet, np.repeat(picture[..., None], 3, axis=2), 10)) == 1


def test_a_transform_that_writes_into_its_item_leaves_the_original():
    def darken(pair):
        pair[0][:] //= 2
        return pair

    pair = IMAGE.copy(), LABELS.copy()
    sheet = augmentation_sheet([pair], darken, versions=2, scale=20)
    np.testing.assert_array_equal(pair[0], IMAGE)
    assert len(places(sheet, labeloverlay(IMAGE // 2, LABELS, transparency=0.4), 20)) == 2


def test_floats_out_of_range_are_drawn_as_the_nearest_color():
    image = IMAGE / 255
    sheet = augmentation_sheet(image, lambda image: 3 * image - 1, versions=1, scale=20)
    expected = np.floor(np.clip(3 * image - 1, 0, 1) * 255 + 0.5).astype(np.uint8)
    assert len(places(sheet, np.repeat(expected[..., None], 3, axis=2), 20)) == 1


@pytest.mark.parametrize(
    ("items", "classes", "count"),
    [
        ((IMAGE, LABELS), None, 3),
        ((IMAGE, LABELS), ["a", "b", "c", "d"], 4),
        ((IMAGE, LabelArray(LABELS, list("abcde"))), None, 5),
        ((IMAGE, np.full_like(LABELS, 255)), ["a"], 1),
        (IMAGE, None, 0),
    ],
)
def test_the_legend_has_the_classes(items, classes, count):
    sheet = augmentation_sheet(items, lambda item: item, classes=classes)
    shown = [(sheet == color).all(axis=2).sum() >= 100 for color in distinct_colors(6)]
    assert shown == [True] * count + [False] * (6 - count)


def test_labels_that_lose_their_classes_in_a_version_are_drawn():
    labels = np.where(LABELS == 0, 0, 1)
    sheet = augmentation_sheet((IMAGE, labels), lambda pair: (pair[0], pair[1] * 0 + 255), scale=20)
    assert len(places(sheet, np.repeat(IMAGE[..., None], 3, axis=2), 20)) == 3


@pytest.mark.parametrize(
    ("items", "options", "error", "message"),
    [
        ([], {}, DataError, "augmentation_sheet: items must hold one item or more, got none"),
        (
            "images",
            {},
            WrongTypeError,
            "augmentation_sheet: items must be a datastore, a list or one item, got str",
        ),
        (
            IMAGE,
            {"transform": 3},
            WrongTypeError,
            "augmentation_sheet: transform must be a function of an item, got int",
        ),
        (
            IMAGE,
            {"versions": 0},
            ArgumentError,
            "augmentation_sheet: versions must be a whole number of at least 1, got 0",
        ),
        (
            IMAGE,
            {"scale": 0},
            ArgumentError,
            "augmentation_sheet: scale must be a whole number of at least 1, got 0",
        ),
        (
            (IMAGE, LABELS),
            {"classes": ["sky"]},
            DataError,
            "augmentation_sheet: items[0]: labels must hold class indices from 0 to 0, or 255 "
            "(unlabeled), got 1",
        ),
        (
            (IMAGE, LABELS),
            {"transform": lambda pair: (pair[0], pair[1] + 1)},
            DataError,
            "augmentation_sheet: version 1 of items[0]: labels must hold class indices from 0 to 2, or 255 "
            "(unlabeled), got 3",
        ),
        (
            (IMAGE, LABELS),
            {"colormap": [[1, 2, 3]]},
            ArgumentError,
            "augmentation_sheet: colormap must have one color per class (3), got 1",
        ),
        (
            IMAGE,
            {"transform": lambda image: None},
            WrongTypeError,
            "augmentation_sheet: version 1 of items[0]: images must be arrays of numbers, got NoneType",
        ),
    ],
)
def test_invalid_arguments(items, options, error, message):
    transform = options.pop("transform", lambda item: item)
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        augmentation_sheet(items, transform, **options)


def test_a_mask_is_no_labels():
    with pytest.raises(DataError, match=r"^augmentation_sheet: items\[0\]: labels must hold class indices"):
        augmentation_sheet((IMAGE, np.where(LABELS == 0, 255, 0)), lambda item: item)


def test_a_store_of_images_alone():
    sheet = augmentation_sheet(ArrayDatastore(IMAGE[None, ..., None]), lambda image: image, scale=20)
    assert len(places(sheet, np.repeat(IMAGE[..., None], 3, axis=2), 20)) == 4
