"""Images of all types as bytes."""

import re

import numpy as np
import pytest

from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.segmentation import rgb_image


def gray(image, *args, **options):
    picture = rgb_image(image, *args, **options)
    assert picture.dtype == np.uint8
    assert (picture == picture[:, :, :1]).all()
    return picture[:, :, 0].tolist()


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        (np.array([[0, 51, 255]], np.uint8), [[0, 51, 255]]),
        (np.array([[0, 51 * 257, 65535]], np.uint16), [[0, 51, 255]]),
        (np.array([[0, 0.2, 1]], np.float16), [[0, 51, 255]]),
        (np.array([[False, True]]), [[0, 255]]),
        (np.array([[0, 200]], np.int16), [[0, 200]]),
        ([[0, 200]], [[0, 200]]),
    ],
)
def test_the_type_says_what_is_white(image, wanted):
    assert gray(image) == wanted


def test_a_display_range_cuts_at_both_ends():
    assert gray(np.array([[-1000, -160, 40, 240, 3000]], np.int16), (-160, 240)) == [[0, 0, 128, 255, 255]]
    assert gray(np.array([[0, 819, 4095]], np.uint16), (0, 4095)) == [[0, 51, 255]]
    assert gray([[0.0, np.inf]], (0, 1)) == [[0, 255]]
    assert gray(np.array([[10, 20]], np.uint8), [10, 20]) == [[0, 255]]


def test_an_empty_range_is_the_lowest_and_the_highest_value():
    assert gray([[-2.0, 0.0, 3.0]], []) == [[0, 102, 255]]
    assert gray([[7, 7]], []) == [[0, 0]]


def test_channels_are_chosen():
    image = np.arange(5, dtype=np.uint8) * np.ones((1, 1, 5), np.uint8)
    assert rgb_image(image, channels=(3, 2, 1)).tolist() == [[[3, 2, 1]]]
    for last in (4, np.int64(4), [4]):
        assert rgb_image(image, channels=last).tolist() == [[[4, 4, 4]]]
    assert rgb_image(image, (0, 51), channels=(4, 0, 2)).tolist() == [[[20, 0, 10]]]


@pytest.mark.parametrize(
    ("image", "options", "error", "message"),
    [
        (
            np.zeros((2, 2, 5)),
            {},
            DataError,
            "image must be (H, W), (H, W, 1) or (H, W, 3), got the shape "
            "(2, 2, 5); rgb_image(image, channels=(0, 1, 2)) chooses channels",
        ),
        ([[np.nan]], {}, DataError, "image must hold numbers, got NaN; np.nan_to_num makes them 0"),
        (
            [[np.nan]],
            {"display_range": (0, 2)},
            DataError,
            "image must hold numbers, got NaN; np.nan_to_num makes them 0",
        ),
        (
            [[np.nan]],
            {"display_range": []},
            DataError,
            "image must hold finite numbers for display_range=[], got "
            "NaN or infinity; give np.nan_to_num(image) and (low, high)",
        ),
        (
            [[-1.0, 200.0]],
            {},
            DataError,
            "image must hold floats from 0 to 1, got -1 to 200; divide by 255, or "
            "rgb_image(image, display_range=[]) scales them",
        ),
        (
            np.array([[-1000, 3000]], np.int16),
            {},
            DataError,
            "image must hold whole numbers from 0 to 255, got "
            "-1000 to 3000; rgb_image(image, display_range=[]) scales them",
        ),
        ([["a"]], {}, WrongTypeError, "image must hold numbers, got an array of <U1"),
        (
            [[0]],
            {"display_range": (1, 1)},
            ArgumentError,
            "display_range must be (low, high) with low < high, or "
            "[] for the lowest and highest value, got (1, 1)",
        ),
        (
            [[0]],
            {"display_range": (1,)},
            ArgumentError,
            "display_range must be (low, high) with low < high, or "
            "[] for the lowest and highest value, got (1,)",
        ),
        (
            [[0]],
            {"display_range": (0, np.nan)},
            ArgumentError,
            "display_range must be a finite number, got nan",
        ),
        (
            [[0]],
            {"display_range": 5},
            ArgumentError,
            "display_range must be (low, high) with low < high, or [] for the lowest and highest value, "
            "got 5",
        ),
        ([[0]], {"channels": 1}, ArgumentError, "channels must be a whole number from 0 to 0, got 1"),
        ([[0]], {"channels": (0, 0)}, ArgumentError, "channels must be one or three, got (0, 0)"),
        ([0], {"channels": 0}, DataError, "image must be (H, W) or (H, W, channels), got the shape (1,)"),
    ],
)
def test_what_has_no_clear_picture_is_an_error(image, options, error, message):
    with pytest.raises(error, match=f"^rgb_image: {re.escape(message)}$"):
        rgb_image(image, **options)
