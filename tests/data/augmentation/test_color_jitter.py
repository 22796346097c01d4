"""Color jitter against formulas of its own parts, in every type of numbers."""

import pickle

import numpy as np
import pytest

from layergraph.data import ColorJitter
from layergraph.errors import ArgumentError, DataError

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(0, 256, (9, 12, 3), np.uint8)
LABELS = RANDOM.integers(0, 4, (9, 12), np.uint8)
GRAY = IMAGE @ [0.299, 0.587, 0.114]


def jittered(image, **options):
    return ColorJitter(**{name: (value, value) for name, value in options.items()})(image)


def test_each_factor_is_its_formula():
    np.testing.assert_array_equal(
        jittered(IMAGE, brightness=0.5), np.rint(IMAGE * np.float32(0.5)).astype(np.uint8)
    )
    expected = (IMAGE - GRAY.mean()) * 1.5 + GRAY.mean()
    np.testing.assert_allclose(jittered(IMAGE.astype(float), contrast=1.5), expected, rtol=1e-9)
    expected = GRAY[..., None] + 0.3 * (IMAGE - GRAY[..., None])
    np.testing.assert_allclose(jittered(IMAGE.astype(float), saturation=0.3), expected, atol=1e-2)


def test_saturation_zero_is_gray_and_hue_keeps_luma_and_grays():
    gray = jittered(IMAGE.astype(float), saturation=0)
    np.testing.assert_allclose(gray, np.stack([GRAY] * 3, axis=-1), atol=1e-2)
    turned = jittered(IMAGE.astype(float), hue=75)
    np.testing.assert_allclose(turned @ [0.299, 0.587, 0.114], GRAY, atol=1e-9)
    np.testing.assert_allclose(jittered(gray, hue=75), gray, atol=1e-2)
    np.testing.assert_allclose(jittered(turned, hue=-75), IMAGE, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_types_and_shapes_stay_and_whole_numbers_are_limited(dtype, channels):
    image = (RANDOM.random((6, 7, channels)) * 250).astype(dtype)
    result = jittered(image, brightness=300)
    assert (result.dtype, result.shape) == (image.dtype, image.shape)
    if image.dtype.kind == "u":
        assert result.max() == np.iinfo(dtype).max


def test_only_the_first_image_changes():
    image, labels, response = jittered((IMAGE, LABELS, GRAY), brightness=0.5)
    assert (image < IMAGE).any()
    assert labels is LABELS
    assert response is GRAY


def test_one_channel_has_no_hue():
    gray = IMAGE[..., :1]
    np.testing.assert_array_equal(jittered(gray, hue=90, saturation=2), gray)
    np.testing.assert_array_equal(jittered(gray[..., 0], hue=90), gray[..., 0])


def test_jitters_are_values_and_wrong_ones_raise():
    jitter = ColorJitter(hue=[-10, 10])
    assert pickle.loads(pickle.dumps(jitter)) == jitter
    with pytest.raises(ArgumentError, match="brightness must be a finite number of at least 0"):
        ColorJitter(brightness=(-1, 1))
    with pytest.raises(DataError, match="boolean image"):
        ColorJitter()(IMAGE > 100)
    with pytest.raises(DataError, match="for images of 1 or 3 channels, got 2 channels"):
        ColorJitter(hue=(0, 9))(IMAGE[..., :2])
