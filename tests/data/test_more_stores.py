"""Stores of files with a function, of labeled images, of arrays and of foreign datasets."""

import numpy as np
import pytest
from PIL import Image

from layergraph.data import (
    ArrayDatastore,
    DatasetDatastore,
    ImageDatastore,
    LabeledImageDatastore,
    PixelLabelDatastore,
    count_each_label,
    split_each_label,
    write_image,
)
from layergraph.errors import ArgumentError, DataError, WrongTypeError


def arrays(folder, **by_name):
    folder.mkdir(exist_ok=True)
    for name, array in by_name.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def test_a_function_reads_images(tmp_path, refusal):
    arrays(tmp_path / "x", a=np.full((2, 3), 1.5), b=np.zeros((2, 3, 5)), c=np.zeros(4))
    images = ImageDatastore(tmp_path / "x", file_extensions=".npy", read_fcn=np.load, read_size=2)
    assert images.readimage(0).shape == (2, 3, 1)
    assert images[::-1].readimage(1).shape == (2, 3, 5)
    assert images[0].max() == 1.5
    assert [image.shape for image in images.read()] == [(2, 3, 1), (2, 3, 5)]
    assert "got float64 of shape (4,) for the file" in refusal(images.__getitem__, 2)
    with pytest.raises(WrongTypeError, match="read_fcn must be a function of a path, got 3"):
        ImageDatastore(tmp_path / "x", file_extensions=".npy", read_fcn=3)


def test_an_error_of_the_function_names_the_file(tmp_path):
    write_image(tmp_path / "a.png", [[0]])
    images = ImageDatastore(tmp_path, read_fcn=lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        images[0]
    assert "a.png" in caught.value.__notes__[0]


def test_a_function_reads_labels_as_ids_or_colors(tmp_path, refusal):
    color = np.zeros((1, 2, 3), np.uint8)
    color[0, 1] = (1, 2, 3)
    arrays(
        tmp_path / "gray", a=np.array([[3.0, 9.0]]), b=np.array([[3], [9]])[..., None], c=np.array([[0.5]])
    )
    gray = PixelLabelDatastore(
        tmp_path / "gray", ["x", "y"], [9, 3], file_extensions=".npy", read_fcn=np.load
    )
    assert gray[0].tolist() == [[1, 0]]
    assert gray[1].tolist() == [[1], [0]]
    assert "whole numbers from 0 to 65535" in refusal(gray.__getitem__, 2)
    arrays(tmp_path / "color", a=color, b=color[..., 0])
    rgb = PixelLabelDatastore(
        tmp_path / "color", ["x", "y"], [(0, 0, 0), (1, 2, 3)], file_extensions=".npy", read_fcn=np.load
    )
    assert rgb[0].tolist() == [[0, 1]]
    assert "(height, width, 3) of colors" in refusal(rgb.__getitem__, 1)


@pytest.fixture
def animals(tmp_path):
    for name, count in (("cat", 4), ("dog", 6)):
        for number in range(count):
            path = tmp_path / "animals" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, [[number]])
    return ImageDatastore(tmp_path / "animals", include_subfolders=True, label_source="FolderNames")


def test_labels_follow_their_images(animals):
    assert animals.labels == ("cat",) * 4 + ("dog",) * 6
    shuffled = animals.shuffle(1)
    assert [file.parent.name for file in shuffled.files] == list(shuffled.labels)
    assert shuffled.info(0).label == shuffled.labels[0]
    assert list(count_each_label(animals).columns) == ["label", "count"]
    assert count_each_label(animals)["count"].tolist() == [4, 6]
    pairs = LabeledImageDatastore(animals)
    assert [index for _, index in pairs[4:]] == [1] * 6
    assert pairs[4:].classes == ("cat", "dog")


def test_wrong_labels_are_refused(animals, tmp_path, refusal):
    files = animals.files
    assert "one name per file (10), got 2" in refusal(lambda: ImageDatastore(files, labels=["a", "b"]))
    assert "one name per file" in refusal(lambda: ImageDatastore(files, labels="ab"), error=WrongTypeError)
    both = refusal(
        lambda: ImageDatastore(files, labels=animals.labels, label_source="foldernames"), error=ArgumentError
    )
    assert "give one of the two" in both
    assert "images must have labels" in refusal(LabeledImageDatastore, ImageDatastore(files))
    assert "got none for 'dog'" in refusal(LabeledImageDatastore, animals, ["cat"])


@pytest.mark.parametrize("randomized", [False, True, "randomized"])
def test_parts_of_each_label(animals, randomized):
    parts = split_each_label(animals, 0.5, 0.25, randomized=randomized)
    assert [[part.labels.count(name) for name in ("cat", "dog")] for part in parts] == [
        [2, 3],
        [1, 2],
        [1, 1],
    ]
    assert sorted(file for part in parts for file in part.files) == sorted(animals.files)
    counts = split_each_label(animals, 3, randomized=randomized, seed=2)
    assert [[part.labels.count(name) for name in ("cat", "dog")] for part in counts] == [[3, 3], [1, 3]]
    assert len(split_each_label(animals, 0.5, 0.5)) == 2


def test_wrong_parts_of_labels_are_refused(animals, refusal):
    assert "label 'cat': parts must be at most 4 items" in refusal(split_each_label, animals, 5)
    assert "must be an ImageDatastore with labels" in refusal(
        split_each_label, ImageDatastore(animals.files), 0.5
    )


def test_parts_of_an_array(refusal):
    array = np.arange(24).reshape(2, 3, 4)
    for axis in (0, 1, 2, -1):
        store = ArrayDatastore(array, axis)
        assert len(store) == array.shape[axis]
        np.testing.assert_array_equal(store[1], array.take(1, axis))
    store[0][:] = 99
    assert array.max() == 23
    assert "must be an axis" in refusal(ArrayDatastore, array, 3)
    assert refusal(ArrayDatastore, ["a"], error=WrongTypeError).startswith("ArrayDatastore: array must hold")
    labels = ArrayDatastore(np.zeros((2, 3, 3), int), classes=["sky"])
    assert labels[0].classes == labels.classes == ("sky",)
    assert "got 1" in refusal(lambda: ArrayDatastore(np.ones((1, 2, 2), int), classes=["sky"]))


def rows():
    palette = Image.fromarray(np.array([[0, 1], [1, 2]], np.uint8), "L").convert("P")
    palette.putdata([0, 1, 1, 2])
    color = np.zeros((2, 2, 3), np.uint8)
    color[0, 1] = (255, 0, 7)
    image = Image.fromarray(color)
    return [{"image": image, "mask": palette, "colors": image, "text": "street"}] * 3


def test_columns_of_a_dataset(refusal):
    store = DatasetDatastore(rows(), ("image", "mask"), classes=["a", "b"], label_ids=[1, 0], ignored_ids=[2])
    image, labels = store[1]
    assert image.shape == (2, 2, 3)
    assert labels.tolist() == [[1, 0], [0, 255]]
    assert len(store.split(2)) == 2
    colors = DatasetDatastore(
        rows(), ("image", "colors"), classes=["a", "b"], label_ids=[(0, 0, 0), (255, 0, 7)]
    )
    assert colors[0][1].tolist() == [[0, 1], [0, 0]]
    assert DatasetDatastore(rows(), "image")[0].shape == (2, 2, 3)
    undeclared = DatasetDatastore(rows(), ("image", "mask"), classes=["a", "b"], label_ids=[1, 0])
    assert "got 2 in 1 of 4 pixels; give it a class" in refusal(undeclared.__getitem__, 0)
    wrong = DatasetDatastore(rows(), ("image", "colors"), classes=["a", "b"], label_ids=[1, 0])
    assert "must be whole numbers (height, width)" in refusal(wrong.__getitem__, 0)
    missing = DatasetDatastore(rows(), ("image", "label"))
    assert "('image', 'mask', 'colors', 'text'), got 'label'" in refusal(missing.__getitem__, 0)
    tuples = DatasetDatastore([(1, 2)], "image")
    assert "must be a dict of columns" in refusal(tuples.__getitem__, 0, error=WrongTypeError)
    for dataset, options, kind in (
        (iter(rows()), {}, WrongTypeError),
        (rows(), {"classes": ["a"]}, DataError),
    ):
        with pytest.raises(kind):
            DatasetDatastore(dataset, "image", **options)
