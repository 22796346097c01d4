"""Stores of pairs: color, augmentation and size of each item, subsets, and training from them."""

import pickle

import numpy as np
import pytest
import torch

from layergraph.data import (
    AugmentedImageDatastore,
    Datastore,
    ImageDataAugmenter,
    LabelArray,
    PixelLabelImageDatastore,
    RandomPatchExtractionDatastore,
    count_each_label,
    resize_pair,
    triangle_images,
)
from layergraph.data.randomness import item_randomness
from layergraph.errors import ArgumentError, DataError, WrongTypeError


class Arrays(Datastore):
    """Items from memory."""

    def __init__(self, items, classes=None):
        self._items, self._classes = items, classes

    def __len__(self):
        return len(self._items)

    def read_item(self, index):
        return self._items[index]

    @property
    def classes(self):
        return self._classes


RANDOM = np.random.default_rng(0)
IMAGES = [RANDOM.integers(0, 256, (8, 10, 3), np.uint8) for _ in range(3)]
LABELS = [LabelArray(RANDOM.integers(0, 2, (8, 10)), ["a", "b"]) for _ in range(3)]
COLOR, TRUTH = Arrays(IMAGES), Arrays(LABELS, ("a", "b"))


def test_pairs_without_options_are_those_of_combine():
    pairs = PixelLabelImageDatastore(COLOR, TRUTH)
    for (image, labels), (first, second) in zip(pairs, COLOR.combine(TRUTH), strict=True):
        np.testing.assert_array_equal(image, first)
        np.testing.assert_array_equal(labels, second)
    assert pairs.classes == ("a", "b")
    assert count_each_label(pairs).pixel_count.tolist() == count_each_label(TRUTH).pixel_count.tolist()


def test_resized_pairs_are_those_of_resize_pair():
    image, labels = PixelLabelImageDatastore(COLOR, TRUTH, output_size=(5, 6, 3))[1]
    expected = resize_pair((IMAGES[1], LABELS[1]), (5, 6))
    np.testing.assert_array_equal(image, expected[0])
    np.testing.assert_array_equal(labels, expected[1])
    assert labels.classes == ("a", "b")


def test_a_center_crop_is_the_middle_and_a_random_one_a_part():
    image, labels = PixelLabelImageDatastore(COLOR, TRUTH, output_size=(4, 5), output_size_mode="CenterCrop")[
        0
    ]
    np.testing.assert_array_equal(image, IMAGES[0][2:6, 2:7])
    np.testing.assert_array_equal(labels, LABELS[0][2:6, 2:7])
    crops = PixelLabelImageDatastore(COLOR, TRUTH, output_size=(7, 9), output_size_mode="randcrop")
    parts = [IMAGES[0][i : i + 7, j : j + 9].tolist() for i in range(2) for j in range(2)]
    seen = [parts.index(crops[0][0].tolist()) for _ in range(60)]
    assert set(seen) == {0, 1, 2, 3}


def test_colors_are_converted_before_the_augmentation():
    seen = []

    def augment(pair):
        seen.append(pair[0].shape)
        return pair

    gray, _ = PixelLabelImageDatastore(
        COLOR, TRUTH, color_preprocessing="rgb2gray", data_augmentation=augment, output_size=(4, 5, 1)
    )[0]
    assert (gray.shape, seen) == ((4, 5, 1), [(8, 10, 1)])
    exact = AugmentedImageDatastore((8, 10), COLOR, color_preprocessing="rgb2gray")[0][..., 0]
    red, green, blue = np.moveaxis(IMAGES[0].astype(float), -1, 0)
    np.testing.assert_array_equal(exact, np.rint(0.299 * red + 0.587 * green + 0.114 * blue))
    three = AugmentedImageDatastore((8, 10, 3), Arrays([exact[..., None]]), color_preprocessing="gray2rgb")[0]
    np.testing.assert_array_equal(three, np.stack([exact] * 3, axis=-1))


def test_classes_of_images_pass_through():
    store = AugmentedImageDatastore((4, 4), Arrays([(IMAGES[0], 3)]), data_augmentation="none")
    image, index = store[0]
    assert (image.shape, index) == ((4, 4, 3), 3)


def test_subsets_keep_options_and_order():
    pairs = PixelLabelImageDatastore(COLOR, TRUTH, output_size=(4, 5))
    for part in (pairs[[2, 0, 2]], pairs.shuffle(1).shuffle(2), pairs.partition(2, 1)):
        assert isinstance(part, PixelLabelImageDatastore)
        assert part[0][0].shape == (4, 5, 3)
    np.testing.assert_array_equal(pairs[[2, 0]][0][0], pairs[2][0])
    images = AugmentedImageDatastore((4, 5), COLOR)
    np.testing.assert_array_equal(images[[2, 0]][1], images[0])


def test_patches_are_parts_of_their_image():
    patches = RandomPatchExtractionDatastore(COLOR, TRUTH, (3, 4), patches_per_image=5)
    assert len(patches) == 15
    for index, (image, labels) in enumerate(patches):
        whole, truth = IMAGES[index // 5], LABELS[index // 5]
        found = [(i, j) for i in range(6) for j in range(7) if (whole[i : i + 3, j : j + 4] == image).all()]
        ((i, j),) = found
        np.testing.assert_array_equal(labels, truth[i : i + 3, j : j + 4])


def test_subsets_of_patches_keep_images_and_randomness():
    patches = RandomPatchExtractionDatastore(COLOR, TRUTH, 3, patches_per_image=5)
    part = patches[[14, 2]][[1, 0]]
    assert len(part) == 2
    for index, same in ((0, 2), (1, 14)):
        with item_randomness(0, 0, 9):
            first = part[index]
        with item_randomness(0, 0, 9):
            np.testing.assert_array_equal(first[0], patches[same][0])


def test_patches_of_volumes_are_augmented_and_balanced():
    volumes = Arrays([RANDOM.random((6, 7, 8, 2))])
    truth = np.zeros((6, 7, 8), np.uint8)
    truth[5, 6, 7] = 1
    patches = RandomPatchExtractionDatastore(
        volumes,
        Arrays([truth], ("a", "b")),
        (2, 3, 4),
        patches_per_image=200,
        data_augmentation=ImageDataAugmenter(rand_z_reflection=True),
        class_balanced=True,
    )
    items = list(patches)
    assert {image.shape for image, _ in items} == {(2, 3, 4, 2)}
    assert 70 < sum((labels == 1).any() for _, labels in items) < 130


def test_wrong_options_and_items_raise():
    with pytest.raises(ArgumentError, match="output_size_mode must be 'resize', 'centercrop' or 'randcrop'"):
        PixelLabelImageDatastore(COLOR, TRUTH, output_size_mode="crop")
    with pytest.raises(ArgumentError, match="color_preprocessing must be"):
        AugmentedImageDatastore((4, 4), COLOR, color_preprocessing="gray")
    with pytest.raises(ArgumentError, match="output_size must be"):
        AugmentedImageDatastore(None, COLOR)
    with pytest.raises(ArgumentError, match="output_size must be"):
        PixelLabelImageDatastore(COLOR, TRUTH, output_size=4)
    with pytest.raises(WrongTypeError, match="data_augmentation must be an ImageDataAugmenter"):
        AugmentedImageDatastore((4, 4), COLOR, data_augmentation="flip")
    with pytest.raises(WrongTypeError, match="imds must be a datastore"):
        AugmentedImageDatastore((4, 4), IMAGES)
    with pytest.raises(DataError, match="labels with classes"):
        PixelLabelImageDatastore(COLOR, COLOR)
    with pytest.raises(DataError, match="must have 1 channel, as output_size says, got 3 channels"):
        AugmentedImageDatastore((4, 4, 1), COLOR)[0]
    with pytest.raises(DataError, match="must be at least 9×9, got 8×10"):
        RandomPatchExtractionDatastore(COLOR, TRUTH, 9)[0]
    with pytest.raises(DataError, match="must be at least 9×9, got 8×10"):
        AugmentedImageDatastore((9, 9), COLOR, output_size_mode="centercrop")[0]
    with pytest.raises(ArgumentError, match="patches_per_image must be"):
        RandomPatchExtractionDatastore(COLOR, TRUTH, 3, patches_per_image=0)


class Seeded(torch.utils.data.Dataset):
    """Items read as training reads them."""

    def __init__(self, store):
        self._store = store

    def __len__(self):
        return len(self._store)

    def __getitem__(self, index):
        with item_randomness(3, 1, index):
            return tuple(torch.from_numpy(np.array(part)) for part in self._store[index])


@pytest.mark.parametrize("num_workers", [0, 2])
def test_items_are_equal_whatever_the_number_of_workers(tmp_path, num_workers):
    images, labels = triangle_images(tmp_path, n=6)
    augmenter = ImageDataAugmenter(rand_rotation=(-30, 30), rand_x_translation=(-5, 5))
    patches = RandomPatchExtractionDatastore(
        images, labels, 16, patches_per_image=2, data_augmentation=augmenter
    )
    patches = pickle.loads(pickle.dumps(patches))  # as it goes to workers that are not forked
    loader = torch.utils.data.DataLoader(Seeded(patches), batch_size=4, num_workers=num_workers)
    read = torch.cat([batch[0] for batch in loader])
    expected = torch.stack([Seeded(patches)[index][0] for index in range(len(patches))])
    assert torch.equal(read, expected)
    assert len({tuple(image.ravel().tolist()) for image in read}) == len(read)


def test_subsets_are_read_from_their_start_and_know_the_files_of_their_items(tmp_path):
    images, labels = triangle_images(tmp_path, n=3)
    stores = (
        PixelLabelImageDatastore(images, labels),
        AugmentedImageDatastore((8, 8), images),
        RandomPatchExtractionDatastore(images, labels, 8, patches_per_image=2),
    )
    for store in stores:
        store.read()
        last = store[[len(store) - 1]]
        assert last.hasdata()
        info = last.info(0)
        assert (info[0] if isinstance(info, tuple) else info).filename == images.files[2]
