"""Pictures of numbers, in colors."""

import numpy as np

from layergraph.segmentation import heatmap


def test_lightness_rises_with_the_numbers():
    picture = heatmap(np.linspace(0, 3, 200)[None])
    assert picture.shape == (1, 200, 3)
    assert picture.dtype == np.uint8
    light = picture[0].astype(float) @ (0.2126, 0.7152, 0.0722)
    assert (np.diff(light) > -0.8).all()  # bytes are rounded
    assert (light[0], light[-1] > 230) == (0, True)


def test_one_highest_for_several_pictures():
    values = np.array([[0.0, 0.5], [1.0, 2.0]])
    np.testing.assert_array_equal(heatmap(values, highest=4), heatmap(values / 2, highest=2))
    assert (heatmap(values, highest=1)[1, 0] == heatmap(values, highest=1)[1, 1]).all()
    assert (heatmap(values)[0, 1] != heatmap(values, highest=1)[0, 1]).any()
    assert not heatmap(np.zeros((2, 3))).any()


def test_numbers_of_any_magnitude():
    for factor in (1e-308, 1e307):
        np.testing.assert_array_equal(heatmap([[factor, 2 * factor]]), heatmap([[1.0, 2.0]]))
    assert heatmap([[0.0, 1e300]], highest=5e-324).tolist() == heatmap([[0.0, 1.0]]).tolist()


def test_texts_of_errors(golden_errors):
    golden_errors(
        "heatmap",
        {
            "an image": lambda: heatmap(np.zeros((2, 2, 3))),
            "not a number": lambda: heatmap([[0.0, float("nan")]]),
            "below zero": lambda: heatmap([[0.0]], highest=-1),
            "numbers below zero": lambda: heatmap([[-1.0, 2.0]]),
            "words": lambda: heatmap([["a"]]),
            "rows of different lengths": lambda: heatmap([[0.0], [1.0, 2.0]]),
            "complex numbers": lambda: heatmap([[1j]]),
        },
    )
