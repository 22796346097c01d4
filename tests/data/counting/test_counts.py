import io
import random
import sys
import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layergraph.data import (
    Datastore,
    ImageDatastore,
    LabelArray,
    PixelLabelDatastore,
    combine,
    count_each_label,
    item_generator,
    write_labels,
)
from layergraph.errors import ArgumentError, WrongTypeError


def store(folder, *images, number=3):
    for i, image in enumerate(images):
        write_labels(folder / f"{i:03}.png", image)
    classes = [f"class {i}" for i in range(number)]
    return PixelLabelDatastore(folder, classes, range(number), ignored_ids=[4, 5, 7, 255])


def test_counts_by_hand(tmp_path):
    labels = store(tmp_path, [[0, 0, 1], [255, 7, 1]], [[0, 255]], [[255, 255, 255]])
    counts = count_each_label(labels)
    assert counts.name.tolist() == ["class 0", "class 1", "class 2"]
    assert counts.pixel_count.tolist() == [3, 2, 0]
    assert counts.image_pixel_count.tolist() == [8, 6, 0]
    assert counts.columns == ("name", "pixel_count", "image_pixel_count")
    assert count_each_label(combine(ImageDatastore(tmp_path), labels)[1:]).pixel_count.tolist() == [1, 0, 0]
    assert count_each_label(labels[:0]).image_pixel_count.tolist() == [0, 0, 0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(images=st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=20), min_size=1, max_size=5))
def test_counts_against_a_loop(images, tmp_path_factory):
    labels = store(tmp_path_factory.mktemp("set"), *([image] for image in images), number=4)
    counts = count_each_label(labels)
    for index in range(4):
        holding = [image for image in images if index in image]
        assert counts.pixel_count[index] == sum(image.count(index) for image in images)
        assert counts.image_pixel_count[index] == sum(map(len, holding))


def test_invalid_stores(tmp_path, refusal):
    labels = store(tmp_path, [[0]])
    images = ImageDatastore(tmp_path)
    advice = "LabelArray(labels, classes) names the classes"
    assert refusal(count_each_label, images, error=WrongTypeError) == (
        "count_each_label: each item must be or hold one LabelArray, or class indices after the image in a "
        f"store with classes, got an array of uint8 in item 0 of ImageDatastore; {advice}"
    )
    assert refusal(count_each_label, combine(images, images), error=WrongTypeError) == (
        "count_each_label: a part of the combined store must have labels with class names, got "
        "ImageDatastore, ImageDatastore"
    )
    lost = images.transform(lambda image: (image, "sky"))
    assert "got an array of uint8 and str in item 0 of TransformedDatastore;" in refusal(
        count_each_label, lost, error=WrongTypeError
    )
    assert refusal(count_each_label, [labels[0]], error=WrongTypeError) == (
        "count_each_label: store must be a datastore, got list"
    )
    assert refusal(count_each_label, combine(labels, labels)) == (
        "count_each_label: store must hold one store of labels, got 2; count each by itself"
    )
    twice = labels.transform(lambda label: (label, label))
    assert "got an array of uint8 and an array of uint8 in item 0" in refusal(
        count_each_label, twice, error=WrongTypeError
    )
    empty = images.transform(lambda image: image)[:0]
    assert refusal(count_each_label, empty) == (
        "count_each_label: store must know its classes, got no items and no class names"
    )


def test_transformed_stores_count_what_the_function_returns(tmp_path):
    labels = store(tmp_path, [[0, 0, 1], [2, 255, 1]], [[2, 2]])
    pairs = combine(ImageDatastore(tmp_path), labels)
    left = pairs.transform(lambda pair: (pair[0][:, :1], pair[1][:, :1]))
    assert count_each_label(left).pixel_count.tolist() == [1, 0, 2]
    assert count_each_label(left).image_pixel_count.tolist() == [2, 0, 3]
    # plain indices, in a pair and alone, have the classes of the store
    plain = pairs.transform(lambda pair: (pair[0], np.asarray(pair[1]).astype(int)))
    assert count_each_label(plain) == count_each_label(labels)
    assert count_each_label(labels.transform(np.asarray)[1:]).pixel_count.tolist() == [0, 0, 2]
    # a transformed part of a combined store: the images are never read
    (tmp_path / "broken.png").write_bytes(b"")
    broken = ImageDatastore([tmp_path / "broken.png"] * 2)
    part = combine(broken, labels.transform(lambda label: label[:, ::2]), pair="order")
    assert count_each_label(part).pixel_count.tolist() == [1, 2, 2]


def test_labels_name_the_classes_of_a_store_without_them(tmp_path, refusal):
    store(tmp_path, [[0, 1]], [[1, 1]])
    images = ImageDatastore(tmp_path)
    named = images.transform(lambda image: (image, LabelArray(image[:, :, 0], ["sky", "road"])))
    counts = count_each_label(named)
    assert (counts.name.tolist(), counts.pixel_count.tolist()) == (["sky", "road"], [1, 3])

    def changed(image):
        return LabelArray(image[:, :, 0], ["sky", "road"] if image.min() == 0 else ["road", "sky"])

    assert refusal(count_each_label, images.transform(changed)) == (
        "count_each_label: all labels must have the classes ('sky', 'road'), got ('road', 'sky') in item 1; "
        "count each by itself"
    )


def test_an_index_without_a_class_names_its_item(tmp_path, refusal):
    labels = store(tmp_path, [[0]], [[2]], number=3)
    wrong = labels.transform(lambda label: np.asarray(label) * 2)
    text = refusal(count_each_label, wrong)
    assert text.startswith(
        "count_each_label: the labels of item 1 must hold class indices from 0 to 2, or 255"
    )


def test_volumes_of_labels(tmp_path):
    labels = store(tmp_path, [[0, 1]], [[1, 1]])
    volumes = labels.transform(lambda label: np.stack([label, label], axis=-1))
    assert count_each_label(volumes).pixel_count.tolist() == [2, 6, 0]


def test_workers_count_what_a_loop_counts(tmp_path, refusal):
    labels = store(tmp_path, *(np.arange(12).reshape(2, 6) % (2 + i % 2) for i in range(7)))

    def noisy(label):
        # all three global states and the generator of the item
        shift = int(np.random.randint(9)) + random.randrange(9) + int(torch.randint(9, ()))
        return LabelArray((np.asarray(label) + shift + item_generator().integers(9)) % 3, label.classes)

    transformed = labels.transform(noisy)

    def counted(seed, num_workers):
        np.random.seed(seed)
        return count_each_label(transformed, num_workers=num_workers)

    assert counted(1, 0) == counted(1, 1) == counted(1, 2)
    assert len({tuple(counted(seed, 0).pixel_count) for seed in range(5)}) > 1
    state = random.getstate(), torch.get_rng_state().tolist()
    count_each_label(transformed, num_workers=2)
    assert (random.getstate(), torch.get_rng_state().tolist()) == state
    # the classes of a store without names are known from the first labels
    plain = ImageDatastore(tmp_path).transform(lambda image: LabelArray(image[..., 0], ["a", "b", "c"]))
    assert count_each_label(plain, num_workers=2).name.tolist() == ["a", "b", "c"]
    wrong = labels.transform(lambda label: np.asarray(label) * 2)
    assert refusal(count_each_label, wrong, num_workers=2) == refusal(count_each_label, wrong)
    assert refusal(count_each_label, labels, num_workers=-1, error=ArgumentError) == (
        "count_each_label: num_workers must be a whole number of at least 0, got -1"
    )


class LabeledImages(Datastore):
    labels = ("road", "sky", "road")

    def __len__(self):
        return 3

    def read_item(self, index):
        raise AssertionError("the labels are known without the images")


def test_labels_of_images():
    counts = count_each_label(LabeledImages())
    assert counts.columns == ("label", "count")
    assert [*counts] == [{"label": "road", "count": 2}, {"label": "sky", "count": 1}]


def test_each_undeclared_value_is_reported_once_and_the_first_file_first(tmp_path):
    labels = store(tmp_path, *[[[0, 9 + i % 2]] for i in range(40)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert count_each_label(labels).pixel_count.tolist() == [40, 0, 0]
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == 2
    assert "000.png" in texts[0]


def test_the_first_unreadable_file_is_named(tmp_path, refusal):
    labels = store(tmp_path, *[[[0]]] * 30)
    for number in (11, 20):
        (tmp_path / f"{number:03}.png").write_bytes(b"damaged")
    assert "011.png" in refusal(count_each_label, labels)
    assert count_each_label(labels[12:20]).pixel_count.tolist() == [8, 0, 0]


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_terminals(tmp_path, monkeypatch, capsys, terminal):
    labels = store(tmp_path, *np.zeros((3, 2, 2), int))
    stderr = io.StringIO()
    stderr.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", "xterm")
    assert count_each_label(labels).pixel_count.tolist() == [12, 0, 0]
    assert ("Counting labels" in stderr.getvalue()) == terminal
    assert capsys.readouterr().out == ""
