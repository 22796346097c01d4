"""Values of label images that belong to no class."""

import pickle
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from layergraph.data import ImageDatastore, PixelLabelDatastore, combine, count_each_label, write_image
from layergraph.errors import DataError, DataWarning, WrongTypeError

CLASSES = ["cell", "membrane"]


def store(folder, images, ids=(0, 1), **options):
    for index, image in enumerate(images):
        write_image(folder / f"{index}.png", image)
    return PixelLabelDatastore(folder, CLASSES, ids, **options)


def test_a_mask_of_0_and_255_read_with_0_and_1(tmp_path):
    """A network that detects no object would be right everywhere."""
    labels = store(tmp_path, [[[0, 0, 255, 255], [0, 0, 0, 0]]])
    message = (
        f"label image '{tmp_path}/0.png' has values that are of no class, and these pixels count as "
        "unlabeled: 255 (25.00%); give each value to a class in label_ids, or name it in ignored_ids"
    )
    with pytest.warns(DataWarning, match=f"^{re.escape(message)}$"):
        assert labels[0].tolist() == [[0, 0, 255, 255], [0, 0, 0, 0]]


def test_each_value_is_reported_once_for_all_readers(tmp_path):
    labels = store(tmp_path, [[[0, 7]], [[1, 7]], [[1, 9]], [[0, 9]]])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            list(labels.shuffle(1))
            list(labels[1:])
            count_each_label(labels)
            list(combine(ImageDatastore(tmp_path), labels))
    assert len(caught) == 2
    assert {value for value in "79" for w in caught if f": {value} (50.00%)" in str(w.message)} == {*"79"}
    again = pickle.loads(pickle.dumps(labels))  # as in a worker process
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(again)


def test_no_more_than_five_warnings(tmp_path):
    labels = store(tmp_path, [[[0, value]] for value in range(10, 30)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        list(labels)
    assert len(caught) == 5
    assert str(caught[-1].message).endswith("; further values are not reported")


def test_ignored_values_are_not_reported(tmp_path):
    labels = store(tmp_path, [[[0, 255]], [[255, 255]], [[7, 1]]], ignored_ids=[255, 7])
    assert [item.tolist() for item in labels] == [[[0, 255]], [[255, 255]], [[255, 1]]]
    assert labels.ignored_ids == (255, 7)


def test_colors(tmp_path):
    write_image(tmp_path / "a.png", [[[1, 2, 3], [0, 0, 0], [9, 9, 8], [4, 5, 6]]])
    ids = [(1, 2, 3), (4, 5, 6)]
    with pytest.warns(DataWarning, match=re.escape("unlabeled: (0, 0, 0) (25.00%), (9, 9, 8) (25.00%);")):
        labels = PixelLabelDatastore(tmp_path, CLASSES, ids)[0]
    assert labels.tolist() == [[0, 255, 255, 1]]
    ignored = PixelLabelDatastore(tmp_path, CLASSES, ids, ignored_ids=[(0, 0, 0), (9, 9, 8)])
    assert ignored[0].tolist() == [[0, 255, 255, 1]]
    with pytest.raises(DataError, match=re.escape("got (0, 0, 0) (25.00%), (1, 2, 3) (25.00%)")):
        PixelLabelDatastore(tmp_path, CLASSES, [(7, 7, 7), (8, 8, 8)])[0]


def test_a_file_without_any_class(tmp_path):
    labels = store(tmp_path, [[[255, 255, 128, 255]]])
    message = (
        f"label image '{tmp_path}/0.png' must have pixels of the classes 'cell': 0, 'membrane': 1, got 255 "
        "(75.00%), 128 (25.00%); give label_ids as they are in the file"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        labels[0]
    with pytest.raises(DataError, match="must have pixels of the classes 'cell': 0"):
        count_each_label(labels)


def test_masks_with_values_between(tmp_path):
    mask = np.kron(np.random.default_rng(0).integers(0, 2, (6, 6)), np.ones((7, 7))).astype(np.uint8) * 255
    Image.fromarray(mask).save(tmp_path / "mask.jpg", quality=75)
    with pytest.warns(DataWarning, match="JPEG changes values near edges, so label images must be PNG"):
        PixelLabelDatastore(tmp_path, CLASSES, [0, 255])[0]
    (tmp_path / "mask.jpg").unlink()
    Image.fromarray(mask).resize((60, 60), Image.Resampling.BICUBIC).save(tmp_path / "mask.png")
    with pytest.warns(DataWarning, match="this many values come from smoothing"):
        PixelLabelDatastore(tmp_path, CLASSES, [0, 255])[0]


def test_wrong_ignored_ids(tmp_path, refusal):
    def ignoring(*values):
        return refusal(store, tmp_path, [[[0, 1]]], ignored_ids=values)

    assert ignoring(1) == (
        "PixelLabelDatastore: ignored_ids must hold no id of a class, got 1 of class 'membrane'"
    )
    assert ignoring(70000) == ("PixelLabelDatastore: ignored_ids must be numbers from 0 to 65535, got 70000")
    with pytest.raises(WrongTypeError, match="ignored_ids must be whole numbers or RGB triplets, got 'a'"):
        store(tmp_path, [[[0, 1]]], ignored_ids=["a"])
    with pytest.raises(WrongTypeError, match="ignored_ids must be a sequence of label ids, got 255"):
        store(tmp_path, [[[0, 1]]], ignored_ids=255)
