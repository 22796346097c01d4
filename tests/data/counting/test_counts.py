import io
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layergraph import PixelClassificationLayer
from layergraph.data import (
    ImageDatastore,
    PixelLabelDatastore,
    combine,
    count_each_label,
    median_frequency_weights,
    write_labels,
)
from layergraph.errors import WrongTypeError
from layergraph.tables import Table


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
    assert refusal(count_each_label, images, error=WrongTypeError) == (
        "count_each_label: store must be a PixelLabelDatastore or a combined store that holds one, "
        "got ImageDatastore; count before a transform"
    )
    changed = combine(images, labels).transform(lambda pair: pair)
    assert "got TransformedDatastore;" in refusal(count_each_label, changed, error=WrongTypeError)
    assert refusal(count_each_label, combine(labels, labels)) == (
        "count_each_label: store must hold one store of labels, got 2; count each by itself"
    )


def table(pixels, image_pixels):
    names = [f"class {i}" for i in range(len(pixels))]
    return Table({"name": names, "pixel_count": pixels, "image_pixel_count": image_pixels})


def test_weights_in_the_words_of_the_lecture(tmp_path):
    counts = count_each_label(store(tmp_path, [[0, 0, 1], [2, 2, 1]], [[0, 1]]))
    frequency = counts.pixel_count / counts.image_pixel_count
    weights = np.median(frequency) / frequency
    layer = PixelClassificationLayer(name="labels", classes=counts.name, class_weights=weights)
    assert layer.classes == ("class 0", "class 1", "class 2")
    assert layer.class_weights == median_frequency_weights(counts)


def test_weights():
    weights = median_frequency_weights(table([50, 25, 5, 5], [100, 100, 100, 10]))
    assert weights == (0.75, 1.5, 7.5, 0.75)
    assert all(type(weight) is float for weight in weights)
    assert median_frequency_weights(table([], [])) == ()


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)), min_size=1))
def test_half_of_the_weights_are_on_each_side_of_one(rows):
    weights = median_frequency_weights(table([p for p, _ in rows], [p + more for p, more in rows]))
    assert sum(weight < 1 - 1e-12 for weight in weights) <= len(rows) / 2
    assert sum(weight > 1 + 1e-12 for weight in weights) <= len(rows) / 2


def test_a_class_without_pixels_has_no_weight(refusal):
    advice = "check the label ids, leave the class out, or count more label images"
    assert refusal(median_frequency_weights, table([5, 0], [9, 0])) == (
        f"median_frequency_weights: every class must have pixels, got none of 'class 1'; {advice}"
    )
    assert refusal(median_frequency_weights, table([0, 3, 0], [0, 9, 0])) == (
        f"median_frequency_weights: every class must have pixels, got none of 'class 0', 'class 2'; {advice}"
    )


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
