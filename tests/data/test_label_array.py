"""Labels that know their classes."""

import copy
import pickle
import re

import numpy as np
import pytest

from layergraph.data import LabelArray, PixelLabelDatastore, resize_labels, write_labels
from layergraph.errors import ArgumentError, DataError, WrongTypeError

CLASSES = ("sky", "road", "car")
NUMBERS = np.array([[0, 1, 2], [1, 255, 0]], np.uint8)


@pytest.fixture
def labels():
    return LabelArray(NUMBERS, CLASSES)


@pytest.mark.parametrize(("name", "index"), [("sky", 0), ("road", 1), ("car", 2)])
def test_a_name_is_its_index(labels, name, index):
    wanted = index == NUMBERS
    for is_named in (
        labels == name,
        name == labels,
        labels == np.str_(name),
        np.equal(labels, name),
        ~(labels != name),
        np.isin(labels, [name]),
        np.isin(labels, test_elements=np.array([name])),
        labels == np.array([name], object),
    ):
        assert type(is_named) is np.ndarray
        np.testing.assert_array_equal(is_named, wanted)
    assert name in labels
    assert labels.class_index(name) == index
    np.testing.assert_array_equal(labels == ["sky", "road", "car"], NUMBERS == [0, 1, 2])
    np.testing.assert_array_equal(np.isin(labels, ["sky", "car"]), np.isin(NUMBERS, [0, 2]))


def test_an_unknown_name_raises(labels):
    calls = (
        lambda: labels == "raod",
        lambda: labels != "raod",
        lambda: "raod" in labels,
        lambda: np.isin(labels, ["road", "raod"]),
        lambda: labels == ["raod", "sky", "sky"],
    )
    for call in calls:
        with pytest.raises(
            ArgumentError, match=r"^LabelArray: a name must be .* got 'raod'; did you mean 'road'\?$"
        ):
            call()
    with pytest.raises(ArgumentError, match=r"^LabelArray: a name must be one of its classes, got b'road'$"):
        labels == b"road"  # noqa: B015
    with pytest.raises(TypeError):
        labels < "road"  # noqa: B015


@pytest.mark.parametrize(
    "change",
    [
        copy.copy,
        copy.deepcopy,
        np.copy,
        lambda labels: pickle.loads(pickle.dumps(labels)),
        lambda labels: pickle.loads(pickle.dumps(labels, protocol=5)),
        lambda labels: labels[1:, ::2],
        lambda labels: labels.T.reshape(-1),
        lambda labels: labels[labels != 255],
        lambda labels: labels.view(),
        lambda labels: np.rot90(labels),
        lambda labels: np.stack([labels, labels]),
        lambda labels: np.concatenate([labels, labels], axis=1),
        lambda labels: resize_labels(labels, (4, 6)),
    ],
)
def test_the_names_are_kept(labels, change):
    changed = change(labels)
    assert isinstance(changed, LabelArray) or change is np.copy
    if isinstance(changed, LabelArray):
        assert changed.classes == CLASSES
        np.testing.assert_array_equal(changed == "road", np.asarray(changed) == 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda labels: labels.astype(int),
        lambda labels: labels.argmax(axis=0),
        lambda labels: np.stack([labels, np.asarray(labels)]),
        lambda labels: np.concatenate([labels, LabelArray(labels, CLASSES[::-1])]),
    ],
)
def test_other_values_have_no_names(labels, change):
    message = (
        "LabelArray: classes must be known to compare with 'road', got None; give them: "
        "LabelArray(labels, classes), or semanticseg(..., classes=classes)"
    )
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}$"):
        change(labels) == "road"  # noqa: B015


def test_other_operations_are_those_of_a_plain_array(labels):
    for result, wanted in [
        (labels + 1, NUMBERS + 1),
        (labels == 1, NUMBERS == 1),
        (labels == np.asarray(labels), NUMBERS == NUMBERS),
        (labels.sum(axis=0), NUMBERS.sum(axis=0)),
        (np.bincount(labels.ravel()), np.bincount(NUMBERS.ravel())),
        (np.where(labels == "road", 7, labels), np.where(NUMBERS == 1, 7, NUMBERS)),
    ]:
        assert type(result) is np.ndarray
        np.testing.assert_array_equal(result, wanted)
    assert (labels.max(), labels.mean(), labels[0, 1]) == (255, NUMBERS.mean(), 1)
    labels += 1
    assert type(labels) is np.ndarray
    assert NUMBERS[0, 0] == 0  # the source array stays unchanged


def test_torch_takes_them(labels):
    torch = pytest.importorskip("torch")
    assert torch.from_numpy(labels).tolist() == NUMBERS.tolist()
    assert torch.utils.data.default_collate([labels, labels]).tolist() == [NUMBERS.tolist()] * 2


def test_a_datastore_reads_them_and_they_are_written(labels, tmp_path):
    write_labels(tmp_path / "a.png", labels)
    (again,) = PixelLabelDatastore(tmp_path, CLASSES, range(3), ignored_ids=[255])
    assert again.classes == CLASSES
    np.testing.assert_array_equal(again, labels)


@pytest.mark.parametrize(
    ("values", "classes", "error", "message"),
    [
        (
            NUMBERS,
            ["sky"],
            DataError,
            "LabelArray: values must hold class indices from 0 to 0, or 255 (unlabeled), got 1",
        ),
        (
            [-1],
            ["sky"],
            DataError,
            "LabelArray: values must hold class indices from 0 to 0, or 255 (unlabeled), got -1",
        ),
        (
            [256],
            None,
            DataError,
            "LabelArray: values must hold class indices from 0 to 254, or 255 (unlabeled), got 256",
        ),
        (
            [True],
            ["sky"],
            WrongTypeError,
            "LabelArray: values must hold class indices, got a boolean mask; np.where(mask, ",
        ),
        (
            [0.0],
            ["sky"],
            WrongTypeError,
            "LabelArray: values must hold integer class indices, got an array of float64",
        ),
        ([0], "sky", WrongTypeError, "LabelArray: classes must be a sequence of class names, got 'sky'"),
        (
            [0],
            ["sky", "sky"],
            DataError,
            "LabelArray: classes must be distinct, got 'sky' twice",
        ),
        (
            [[0], [0, 1]],
            ["sky"],
            DataError,
            "LabelArray: values must be an array, got rows of different lengths",
        ),
    ],
)
def test_invalid_labels(values, classes, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        LabelArray(values, classes)
