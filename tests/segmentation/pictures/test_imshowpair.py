"""Two images in one picture."""

import re

import numpy as np
import pytest

from layergraph.data import LabelArray
from layergraph.errors import ArgumentError, DataError
from layergraph.segmentation import imshowpair

LOW, HIGH = np.array([[0, 100, 200]], np.uint8), np.array([[0, 200, 200]], np.uint8)
CLASSES = ["sky", "road", "car"]


def test_false_color_is_green_where_the_first_is_brighter():
    picture = imshowpair(HIGH, LOW)
    assert picture.tolist() == [[[0, 0, 0], [128, 255, 128], [255, 255, 255]]]
    assert imshowpair(LOW, HIGH).tolist() == [[[0, 0, 0], [255, 128, 255], [255, 255, 255]]]


def test_scaling():
    double = LOW * np.uint16(2)
    # each from its lowest to its highest value
    equal = imshowpair(LOW, double)
    assert (equal == equal[:, :, :1]).all()
    assert imshowpair(LOW, HIGH, scaling="joint").tolist() == [[[0, 0, 0], [255, 128, 255], [255, 255, 255]]]
    assert imshowpair(LOW, LOW, scaling="none").tolist() == [[[0] * 3, [100] * 3, [200] * 3]]
    assert imshowpair([[5, 5]], [[7, 7]]).tolist() == [[[0] * 3] * 2]
    assert imshowpair([[5, 5]], [[5, 9]], scaling="joint").tolist() == [[[0] * 3, [255, 0, 255]]]


def test_the_other_methods():
    none = {"scaling": "none"}
    assert imshowpair(LOW, HIGH, "blend", **none)[0, :, 0].tolist() == [0, 150, 200]
    assert imshowpair(LOW, HIGH, "diff", **none)[0, :, 0].tolist() == [0, 100, 0]
    assert imshowpair(LOW, HIGH, "montage", **none)[0, :, 0].tolist() == [0, 100, 200, 0, 200, 200]
    tall = imshowpair(LOW, np.full((2, 1, 3), 9, np.uint8), "montage")
    assert tall.shape == (2, 4, 3)
    assert tall[1, :, 0].tolist() == [0, 0, 0, 9]
    board = imshowpair(np.zeros((16, 12), np.uint8), np.full((16, 12), 1.0), "checkerboard", **none)[:, :, 0]
    assert board[:2, :6].tolist() == [[0, 0, 255, 255, 0, 0]] * 2
    assert board[2, :4].tolist() == [255, 255, 0, 0]


def test_colors_stay_in_a_blend_and_are_brightness_in_false_color():
    red = np.array([[[255, 0, 0], [0, 0, 0]]], np.uint8)
    assert imshowpair(red, red, "blend").tolist() == red.tolist()
    assert imshowpair(red, red, scaling="none").tolist() == [[[76] * 3, [0] * 3]]
    assert imshowpair(red, red).tolist() == [[[255] * 3, [0] * 3]]


def test_equal_labels_are_gray_and_others_colored():
    truth = LabelArray([[0, 1, 2, 255]], CLASSES)
    # neither has all classes, and one has no unlabeled pixel: each alone would be scaled by others
    predicted = LabelArray([[0, 1, 0, 1]], CLASSES)
    picture = imshowpair(predicted, truth)
    assert picture[0, :2].tolist() == [[85] * 3, [170] * 3]
    assert picture[0, 2:].tolist() == [[255, 85, 255], [0, 170, 0]]
    np.testing.assert_array_equal(imshowpair(predicted, np.asarray(truth)), picture)
    np.testing.assert_array_equal(
        imshowpair(LabelArray([[0, 1, 0, 1]], None), LabelArray([[0, 1, 2, 255]], None)), picture
    )


@pytest.mark.parametrize(
    ("a", "b", "options", "error", "message"),
    [
        (LOW, LOW.T, {}, DataError, "a and b must have the same height and width, got (1, 3) and (3, 1)"),
        (
            [[np.nan]],
            [[0.0]],
            {},
            DataError,
            "a must hold finite numbers, got NaN or infinity; give np.nan_to_num(a)",
        ),
        (
            LOW,
            np.zeros((1, 3, 4)),
            {},
            DataError,
            "b must be (H, W), (H, W, 1) or (H, W, 3) with pixels, got the shape (1, 3, 4)",
        ),
        (
            LOW,
            LOW / 255,
            {"scaling": "joint"},
            ArgumentError,
            "scaling must be 'independent' or 'none' for images "
            "of different types, got 'joint' for uint8 and float64",
        ),
        (
            LOW,
            LOW,
            {"method": "mean"},
            ArgumentError,
            "method must be 'falsecolor', 'blend', 'diff', 'montage' or 'checkerboard', got 'mean'",
        ),
        (
            LabelArray([[0]], CLASSES),
            LabelArray([[0]], ["sky"]),
            {},
            DataError,
            "a and b must have the same classes, got ('sky', 'road', 'car') and ('sky',)",
        ),
        (
            LabelArray([[0]], CLASSES),
            [[3]],
            {},
            DataError,
            "b must hold class indices from 0 to 2, or 255 (unlabeled), got 3",
        ),
    ],
)
def test_invalid_pairs(a, b, options, error, message):
    with pytest.raises(error, match=f"^imshowpair: {re.escape(message)}$"):
        imshowpair(a, b, **options)
