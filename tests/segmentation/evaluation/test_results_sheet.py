"""The sheet of the images with the lowest scores."""

import re

import numpy as np
import pytest

from layergraph.data import ImageDatastore, PixelLabelDatastore, write_image
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.segmentation import evaluate_semantic_segmentation, results_sheet
from layergraph.segmentation.evaluation import results_sheet as module

CLASSES = ["Stra\u00dfe", "car"]
TRUTH = [np.repeat([[0], [1]], 8, axis=0).repeat(16, axis=1).astype(np.uint8) for _ in range(4)]
TRUTH[3] = np.full((16, 16), 255, np.uint8)
PREDICTED = [
    np.where(np.arange(16) < wrong, 1 - TRUTH[0], TRUTH[0]).astype(np.uint8) for wrong in (2, 12, 5, 0)
]
IMAGES = [np.full((16, 16), 40 + 10 * index, np.uint8) for index in range(4)]
METRICS = evaluate_semantic_segmentation(PREDICTED, TRUTH, classes=CLASSES, metrics="iou", verbose=False)


@pytest.fixture
def drawn(monkeypatch):
    """The arguments of the drawing."""
    calls = []

    def draw(*args):
        calls.append(args)
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr(module, "draw_rows", draw)
    return calls


def test_the_lowest_come_first_with_name_and_score(drawn):
    results_sheet(IMAGES, TRUTH, PREDICTED, METRICS)
    [(_, rows, _, classes, _, _, captions)] = drawn
    # the image without labeled pixels has no IoU
    assert [int(row[0][0, 0, 0]) for row in rows] == [50, 60, 40]
    iou = METRICS.image_metrics.mean_iou
    assert captions == [f"{n}.  {i}   mean IoU {iou[i]:.3f}" for n, i in enumerate((1, 2, 0), 1)]
    assert list(classes) == CLASSES
    results_sheet(IMAGES, TRUTH, PREDICTED, METRICS, worst=1)
    assert len(drawn[1][1]) == 1


def test_errors_are_red(drawn):
    results_sheet(IMAGES, TRUTH, PREDICTED, METRICS, worst=1)
    errors = drawn[0][1][0][3]
    is_red = (errors == (230, 40, 50)).all(axis=2)
    np.testing.assert_array_equal(is_red, PREDICTED[1] != TRUTH[1])


def test_large_images_are_reduced(drawn):
    large = np.zeros((100, 1000), np.uint8)
    metrics = evaluate_semantic_segmentation([large], [large], classes=["sky"], metrics="iou", verbose=False)
    results_sheet([large], [large], [large], metrics)
    assert {picture.shape for picture in drawn[0][1][0]} == {(34, 334, 3)}


def test_files_are_paired_by_name(tmp_path, drawn):
    for folder in ("images", "labels", "out"):
        (tmp_path / folder).mkdir()
    for index, name in enumerate(("a", "b", "c")):
        write_image(tmp_path / "images" / f"{name}.png", IMAGES[index])
        write_image(tmp_path / "labels" / f"{name}_mask.png", TRUTH[index])
        write_image(tmp_path / "out" / f"pixelLabel_{name}.png", PREDICTED[index])
    truth = PixelLabelDatastore(tmp_path / "labels", CLASSES, [0, 1])
    predicted = PixelLabelDatastore(tmp_path / "out", CLASSES, [0, 1])
    metrics = evaluate_semantic_segmentation(predicted, truth, metrics="iou", verbose=False)
    results_sheet(ImageDatastore(tmp_path / "images").subset([2, 0, 1]), truth, predicted, metrics)
    assert [caption.split()[1] for caption in drawn[0][6]] == ["b_mask.png", "c_mask.png", "a_mask.png"]
    assert [int(row[0][0, 0, 0]) for row in drawn[0][1]] == [50, 60, 40]


def test_the_sheet_has_rows_captions_and_a_legend():
    one, two = (results_sheet(IMAGES, TRUTH, PREDICTED, METRICS, worst=worst, scale=4) for worst in (1, 2))
    assert one.shape[1] == two.shape[1] > 4 * 64
    # a row is a caption and a picture, and the gaps
    assert 64 + 20 < len(two) - len(one) < 64 + 60


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (
            (IMAGES, TRUTH, PREDICTED[::-1], METRICS),
            {},
            DataError,
            "image 1: metrics must be those of truth and "
            "predicted, got those of other labels; give evaluate_semantic_segmentation(predicted, truth)",
        ),
        (
            (IMAGES, TRUTH[:2], PREDICTED, METRICS),
            {},
            DataError,
            "metrics must be those of truth and predicted, got metrics of 4 images and 2 true label images",
        ),
        (
            ([*IMAGES[:1], IMAGES[1][1:], *IMAGES[2:]], TRUTH, PREDICTED, METRICS),
            {},
            DataError,
            "image 1: image and labels must have the same height and width, got (15, 16) and (16, 16)",
        ),
        (
            (IMAGES[:3], TRUTH, PREDICTED, METRICS),
            {},
            DataError,
            "images must hold one image per true one (4), in the same order, got 3",
        ),
        (
            (IMAGES, TRUTH, PREDICTED, METRICS),
            {"worst": 0},
            ArgumentError,
            "worst must be a whole number of at least 1, got 0",
        ),
        (
            (IMAGES, TRUTH, PREDICTED, None),
            {},
            WrongTypeError,
            "metrics must be those of evaluate_semantic_segmentation(predicted, truth), got an object of "
            "type NoneType",
        ),
    ],
)
def test_errors(arguments, options, error, message):
    with pytest.raises(error, match=f"^results_sheet: {re.escape(message)}$"):
        results_sheet(*arguments, **options)
