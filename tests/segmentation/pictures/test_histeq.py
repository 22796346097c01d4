"""Histogram equalization."""

import numpy as np
import pytest

from layergraph.errors import ArgumentError, DataError
from layergraph.segmentation import histeq


def test_levels_get_equally_many_pixels():
    # a dark ramp: 60 levels of 100 pixels
    image = np.repeat(np.arange(40, 100, dtype=np.uint8), 100).reshape(60, 100)
    equal = histeq(image, 4)
    assert equal.dtype == np.uint8
    assert equal.shape == image.shape
    levels, counts = np.unique(equal, return_counts=True)
    assert levels.tolist() == [0, 85, 170, 255]
    assert np.abs(counts - 1500).max() <= 100
    assert (np.diff(equal[:, 0].astype(int)) >= 0).all()
    assert len(np.unique(histeq(image))) <= 64


def test_all_channels_have_one_transformation():
    image = np.random.default_rng(0).integers(20, 90, (20, 30, 3), np.uint8)
    image[..., 2] //= 2
    equal = histeq(image)
    for value in np.unique(image):
        assert len(np.unique(equal[image == value])) == 1
    np.testing.assert_array_equal(equal, histeq(image.reshape(60, 30)).reshape(image.shape))


def test_types_stay():
    image = np.array([[0, 51, 102, 255]], np.uint8)
    wanted = histeq(image)
    for same in (image.astype(np.uint16) * 257, np.float32(image / 255)):
        equal = histeq(same)
        assert equal.dtype == same.dtype
        white = 65535 if same.dtype == np.uint16 else 1
        np.testing.assert_allclose(equal / white, wanted / 255, atol=0.002)


def test_errors():
    for image in (np.zeros((0, 3)), [[np.nan]], [[2.0]], [[-1]]):
        with pytest.raises(DataError, match=r"^histeq: image must (have pixels|hold)"):
            histeq(image)
    with pytest.raises(ArgumentError, match=r"^histeq: n must be a whole number from 2 to 256, got 1$"):
        histeq([[0]], 1)
