import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layergraph import PixelClassificationLayer
from layergraph.data import (
    PixelLabelDatastore,
    count_each_label,
    effective_number_weights,
    inverse_frequency_weights,
    median_frequency_weights,
    write_labels,
)
from layergraph.errors import ArgumentError, DataWarning
from layergraph.tables import Table

EACH = [median_frequency_weights, inverse_frequency_weights, effective_number_weights]


def table(pixels, image_pixels):
    names = [f"class {i}" for i in range(len(pixels))]
    return Table({"name": names, "pixel_count": pixels, "image_pixel_count": image_pixels})


def test_weights_in_the_words_of_the_lecture(tmp_path):
    for number, image in enumerate(([[0, 0, 1], [2, 2, 1]], [[0, 1]])):
        write_labels(tmp_path / f"{number}.png", image)
    counts = count_each_label(PixelLabelDatastore(tmp_path, [f"class {i}" for i in range(3)], range(3)))
    frequency = counts.pixel_count / counts.image_pixel_count
    weights = np.median(frequency) / frequency
    layer = PixelClassificationLayer(name="labels", classes=counts.name, class_weights=weights)
    assert layer.classes == ("class 0", "class 1", "class 2")
    assert layer.class_weights == median_frequency_weights(counts)


def test_weights():
    weights = median_frequency_weights(table([50, 25, 5, 5], [100, 100, 100, 10]))
    assert weights == (0.75, 1.5, 7.5, 0.75)
    assert all(type(weight) is float for weight in weights)
    assert median_frequency_weights(table([], [])) == ()


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)), min_size=1))
def test_half_of_the_weights_are_on_each_side_of_one(rows):
    weights = median_frequency_weights(table([p for p, _ in rows], [p + more for p, more in rows]))
    assert sum(weight < 1 - 1e-12 for weight in weights) <= len(rows) / 2
    assert sum(weight > 1 + 1e-12 for weight in weights) <= len(rows) / 2


def test_inverse_frequencies_make_the_classes_count_the_same():
    weights = inverse_frequency_weights(table([60, 30, 10], [100, 90, 70]))
    np.testing.assert_allclose(weights, [100 / 60, 100 / 30, 10])
    np.testing.assert_allclose(np.multiply(weights, [60, 30, 10]), 100)


def exact_effective(pixels, beta):
    """The weights of the paper in exact fractions."""
    beta = Fraction(beta)
    plain = [(1 - beta) / (1 - beta**count) for count in pixels]
    return [float(len(pixels) * weight / sum(plain)) for weight in plain]


@pytest.mark.parametrize("beta", [0, 0.5, 0.9, 0.99, 0.999])
def test_effective_numbers_against_exact_fractions(beta):
    pixels = [1, 7, 40, 900]
    weights = effective_number_weights(table(pixels, [900] * 4), beta)
    np.testing.assert_allclose(weights, exact_effective(pixels, beta), rtol=1e-12)
    assert math.isclose(sum(weights), 4)


def test_the_default_beta_is_of_all_pixels():
    counts = table([500, 300, 200], [1000] * 3)
    assert effective_number_weights(counts) == pytest.approx(effective_number_weights(counts, 0.999))
    # of the pixels of CamVid, where powers of beta would be rounded
    large = [76801167, 2591222, 140535728]
    total = sum(large)
    expected = [1 / -math.expm1(count * math.log1p(-1 / total)) for count in large]
    weights = effective_number_weights(table(large, [10**9] * 3))
    np.testing.assert_allclose(weights, np.multiply(expected, 3 / sum(expected)), rtol=1e-6)


def test_a_beta_that_makes_all_weights_the_same_is_reported():
    counts = table([10**6, 10**8], [10**8] * 2)
    with pytest.warns(DataWarning, match="beta=0.999 makes all weights the same.* 1,000,000 or more pixels"):
        assert effective_number_weights(counts, 0.999) == pytest.approx((1, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        effective_number_weights(counts, 0)  # asked for
        effective_number_weights(table([10**8] * 2, [10**8] * 2), 0.999)


def test_a_wrong_beta(refusal):
    for beta in (1, -0.1, "0.9", float("nan")):
        text = refusal(effective_number_weights, table([1], [1]), beta, error=ArgumentError)
        assert text.startswith("effective_number_weights: beta must be")


@pytest.mark.parametrize("function", EACH)
def test_weights_fall_with_the_count_and_are_plain_numbers(function):
    weights = function(table([1, 20, 400], [400] * 3))
    assert weights[0] > weights[1] > weights[2]
    assert all(type(weight) is float for weight in weights)
    assert function(table([], [])) == ()


@pytest.mark.parametrize("function", EACH)
def test_a_class_without_pixels_has_no_weight(refusal, function):
    advice = "check the label ids, leave the class out, or count more label images"
    assert refusal(function, table([5, 0], [9, 0])) == (
        f"{function.__name__}: every class must have pixels, got none of 'class 1'; {advice}"
    )
    assert refusal(function, table([0, 3, 0], [0, 9, 0])) == (
        f"{function.__name__}: every class must have pixels, got none of 'class 0', 'class 2'; {advice}"
    )
