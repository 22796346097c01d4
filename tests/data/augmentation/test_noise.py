"""Noise and blur: images alone, of the deviation that was asked for, in every type of numbers."""

import pickle

import numpy as np
import pytest
import scipy.ndimage

from layergraph.data import GaussianBlur, GaussianNoise
from layergraph.data.randomness import item_randomness
from layergraph.errors import ArgumentError, DataError

RANDOM = np.random.default_rng(0)
TYPES = [np.uint8, np.uint16, np.int32, np.float32, np.float64]
SHAPES = [(40, 50), (40, 50, 3), (20, 24, 16, 1), (20, 24, 16, 2)]


def noisy(image, deviation, index=0):
    with item_randomness(0, 0, index):
        return GaussianNoise(standard_deviation=(deviation, deviation))(image)


def blurred(image, deviation):
    return GaussianBlur(standard_deviation=(deviation, deviation))(image)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", TYPES)
def test_noise_has_its_deviation_and_no_bias_in_every_type(shape, dtype):
    image = np.full(shape, 100, dtype)
    result = noisy(image, 10)
    assert (result.dtype, result.shape) == (image.dtype, image.shape)
    difference = result.astype(float) - 100
    assert difference.std() == pytest.approx(10, rel=0.1)
    assert abs(difference.mean()) < 1


def test_channels_have_noise_of_their_own():
    difference = noisy(np.zeros((60, 70, 3)), 1)
    correlations = np.corrcoef(difference.reshape(-1, 3).T)
    assert abs(correlations - np.eye(3)).max() < 0.1


def test_whole_numbers_are_limited_to_their_type():
    dark, bright = np.zeros((30, 30, 1), np.uint8), np.full((30, 30, 1), 255, np.uint8)
    # half of the noise is cut off; an overflow would turn it to the other end
    assert noisy(dark, 10).max() < 100
    assert noisy(bright, 10).min() > 150


def test_noise_is_drawn_once_per_item_within_its_range():
    deviations = []
    for index in range(40):
        with item_randomness(0, 0, index):
            deviations.append(GaussianNoise(standard_deviation=(0, 8))(np.zeros((50, 50))).std())
    assert 0 < min(deviations) < 2
    assert 6 < max(deviations) < 9


@pytest.mark.parametrize("shape", SHAPES)
def test_blur_is_scipys(shape):
    image = RANDOM.random(shape)
    axes = tuple(range(max(2, len(shape) - 1)))
    expected = scipy.ndimage.gaussian_filter(image, 1.3, mode="nearest", axes=axes)
    np.testing.assert_allclose(blurred(image, 1.3), expected, atol=1e-3)


@pytest.mark.parametrize("dtype", TYPES)
def test_blur_keeps_types_and_constants(dtype):
    image = np.full((12, 15, 3), 200, dtype)
    result = blurred(image, 2)
    assert result.dtype == image.dtype
    np.testing.assert_allclose(result, image, rtol=1e-5)


def test_a_wide_blur_of_a_small_image_is_finite():
    result = blurred(RANDOM.random((3, 4, 1)), 50)
    assert np.ptp(result) < 0.1


@pytest.mark.parametrize("change", [GaussianNoise, GaussianBlur])
def test_only_the_first_image_changes_and_no_deviation_changes_nothing(change):
    image = RANDOM.integers(0, 256, (9, 12, 3), np.uint8)
    labels, response = RANDOM.integers(0, 4, (9, 12), np.uint8), RANDOM.random((9, 12))
    before = image.copy()
    changed, same_labels, same_response = change(standard_deviation=(3, 3))((image, labels, response))
    assert (changed != image).any()
    assert same_labels is labels
    assert same_response is response
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(change(standard_deviation=(0, 0))(image), image)


@pytest.mark.parametrize("change", [GaussianNoise, GaussianBlur])
def test_they_are_values_and_wrong_ones_raise(change):
    augmentation = change(standard_deviation=[0, 5])
    assert pickle.loads(pickle.dumps(augmentation)) == augmentation
    with pytest.raises(ArgumentError, match=f"{change.__name__}: standard_deviation must be a finite number"):
        change(standard_deviation=(-1, 1))
    with pytest.raises(ArgumentError, match=f"{change.__name__}: standard_deviation must be .min, max."):
        change(standard_deviation=3)
    with pytest.raises(DataError, match=f"{change.__name__}: an image must hold numbers, got a boolean"):
        augmentation(np.zeros((4, 4), bool))
