"""Every kind of store segments and is evaluated as the files that it is made of."""

import numpy as np
import pytest

from layergraph.data import (
    ArrayDatastore,
    DatasetDatastore,
    ImageDatastore,
    PixelLabelDatastore,
    PixelLabelImageDatastore,
    RandomPatchExtractionDatastore,
    combine,
    triangle_images,
    write_labels,
)
from layergraph.errors import DataError, WrongTypeError
from layergraph.segmentation import evaluate_semantic_segmentation, semanticseg

CLASSES = ("triangle", "background")


class Brightness:
    """A network that finds triangles by their brightness."""

    classes = CLASSES

    def predict(self, batch):
        bright = batch / np.float32(255)
        return np.concatenate([bright, 1 - bright], axis=3)


@pytest.fixture
def data(tmp_path):
    """Images, their labels, and rows as those of a dataset."""
    images, labels = triangle_images(tmp_path / "triangles", 4)
    rows = [
        {"image": x, "mask": np.where(np.asarray(y) == 0, 255, 0)}
        for x, y in zip(images, labels, strict=True)
    ]
    return images, labels, rows


IDS = {"classes": CLASSES, "label_ids": [255, 0]}


@pytest.mark.parametrize(
    "store",
    [
        lambda x, y, rows: ArrayDatastore(np.stack(list(x))),
        lambda x, y, rows: ArrayDatastore(np.stack(list(x)))[::-1][::-1],
        lambda x, y, rows: DatasetDatastore(rows, "image"),
        lambda x, y, rows: DatasetDatastore(rows, ("image", "mask"), **IDS),
        lambda x, y, rows: x.transform(lambda image: image[..., 0]),
        lambda x, y, rows: x.cache(),
        lambda x, y, rows: combine(x, y).cache(),
        lambda x, y, rows: combine(x, y).transform(lambda pair: (pair[0] + 0, pair[1])),
        lambda x, y, rows: PixelLabelImageDatastore(x, y),
        lambda x, y, rows: ImageDatastore(x.files, labels=["a", "b"] * 2),
    ],
)
def test_every_store_of_images_is_segmented(data, tmp_path, store):
    images, _, _ = data
    given, net = store(*data), Brightness()
    expected = semanticseg(images, net)
    written = semanticseg(given, net, write_location=tmp_path / "out")
    for one, file, other in zip(semanticseg(given, net), written, expected, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(file, other)
    assert written.classes == CLASSES


def test_patches_of_one_image_get_a_file_each(data, tmp_path):
    images, labels, _ = data
    patches = RandomPatchExtractionDatastore(images, labels, (16, 16), patches_per_image=3)
    written = semanticseg(patches, Brightness(), write_location=tmp_path / "out")
    assert len({*written.files}) == 12


@pytest.mark.parametrize(
    "store",
    [
        lambda x, y, rows: ArrayDatastore(np.stack(list(y))),
        lambda x, y, rows: ArrayDatastore(np.stack([np.asarray(label) for label in y]), classes=CLASSES)[:],
        lambda x, y, rows: DatasetDatastore(rows, "mask", **IDS),
        lambda x, y, rows: y.transform(lambda label: label[:]),
        lambda x, y, rows: y.cache(),
        lambda x, y, rows: combine(x, y),
        lambda x, y, rows: combine(x, y).shuffle(seed=1),
        lambda x, y, rows: PixelLabelImageDatastore(x, y).cache().transform(lambda pair: pair[-1]),
    ],
)
def test_every_store_of_labels_is_the_truth(data, store):
    images, labels, _ = data
    predicted = semanticseg(images, Brightness())
    expected = evaluate_semantic_segmentation(predicted, labels)
    # files are paired by their names, whatever the order
    given = labels if store(*data).files else predicted
    exact = evaluate_semantic_segmentation(given, store(*data))
    assert exact.classes == CLASSES
    wanted = 1 if given is labels else expected.data_set_metrics[0]["global_accuracy"]
    assert exact.data_set_metrics[0]["global_accuracy"] == wanted


def test_what_is_no_store_of_labels(data):
    images, labels, rows = data
    for store in (
        DatasetDatastore(rows, ("image", "mask"), **IDS),
        RandomPatchExtractionDatastore(images, labels, (32, 32), patches_per_image=1),
    ):
        with pytest.raises(
            WrongTypeError, match=r"truth must be labels, got 2 parts, as a pair has; store.cach"
        ):
            evaluate_semantic_segmentation(labels, store)
    with pytest.raises(DataError, match="truth must hold class indices from 0 to 1, or 255"):
        evaluate_semantic_segmentation(labels, images)
    with pytest.raises(WrongTypeError, match="truth must be labels, got 2 parts"):
        evaluate_semantic_segmentation(labels, combine(labels, labels))


def test_volumes_of_slices_are_evaluated(tmp_path):
    labels = np.zeros((4, 5, 3), np.uint8)
    labels[1:3, 1:4, 1:] = 1
    for number in range(3):
        (tmp_path / "truth").mkdir(exist_ok=True)
        write_labels(tmp_path / "truth" / f"{number}.png", labels[:, :, number])
    truth = PixelLabelDatastore(tmp_path, CLASSES, [0, 1], volumes="folders")
    predicted = labels.copy()
    predicted[0, 0] = 1
    metrics = evaluate_semantic_segmentation([predicted], truth)
    assert metrics.data_set_metrics[0]["global_accuracy"] == pytest.approx(57 / 60)
