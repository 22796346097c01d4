"""The printed arithmetic of layers is true: its evaluation gives their sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from layer_examples import EXAMPLES, Example
from printed_arithmetic import check

from layergraph import (
    AveragePooling2dLayer,
    Convolution2dLayer,
    Layer,
    Resize2dLayer,
    Size,
    SizeError,
    TransposedConv2dLayer,
)
from layergraph.layers.arithmetic import Step
from layergraph.sizes import image_size


def check_layer(layer: Layer, inputs: list[Size]) -> None:
    sizes, steps = layer.output_sizes(inputs), layer.size_steps(inputs)
    assert len(steps) == len(sizes)
    for size, own in zip(sizes, steps, strict=True):
        results = [list(check(step)) for step in own]
        assert tuple(values[-1] for values in results) == size.shape[:-1]
        assert all(step.port in ("", *layer.input_names) for step in own)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_printed_arithmetic_evaluates_to_the_size(example: Example) -> None:
    check_layer(example.layer, example.sizes)


def test_the_evaluation_can_fail() -> None:
    with pytest.raises(AssertionError):
        list(check(Step("(339 − 2)/2 + 1", 169)))
    with pytest.raises(AssertionError):
        list(check(Step("3·3", 9, first=(("window", Step("2 + 2", 5)),))))


NUMBERS = st.integers(1, 5)
MARGINS = st.just("same") | st.tuples(*[st.integers(0, 3)] * 4)


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    window=st.tuples(NUMBERS, NUMBERS),
    stride=st.tuples(NUMBERS, NUMBERS),
    dilation=NUMBERS,
    margins=MARGINS,
    scale=st.floats(0.05, 4),
)
def test_printed_arithmetic_of_random_windows(size, window, stride, dilation, margins, scale) -> None:
    for layer in (
        Convolution2dLayer(window, 2, stride=stride, dilation_factor=dilation, padding=margins),
        AveragePooling2dLayer(window, stride=stride),
        TransposedConv2dLayer(window, 2, stride=stride, cropping=margins),
        Resize2dLayer(scale=scale),
    ):
        inputs = [image_size(size, 3)]
        try:
            layer.output_sizes(inputs)
        except SizeError:
            if not isinstance(layer, Resize2dLayer):
                steps = layer.size_steps(inputs)[0]
                assert min(list(check(step))[-1] for step in steps) < 1
        else:
            check_layer(layer, inputs)


def test_the_padding_of_same_is_the_padding_of_the_window() -> None:
    layer = Convolution2dLayer((4, 1), 4, padding="same", stride=(2, 3), dilation_factor=(3, 1))
    (high, wide, _), *_ = layer.size_steps([image_size((45, 60), 3)])
    assert dict(high.first)["window"].text == "(4 − 1)·3 + 1 = 10, dilated"
    assert dict(high.first)["padding"].text == "(23 − 1)·2 + 10 − 45 = 9, 4 before and 5 after"
    assert dict(wide.first)["padding"].text == "max((20 − 1)·3 + 1 − 60, 0) = 0, 0 before and 0 after"
    assert layer.window().padding((45, 60)) == ((4, 5), (0, 0))


def test_a_scale_that_rounding_makes_whole_prints_as_a_fraction() -> None:
    high, wide, _ = Resize2dLayer(scale=(1 / 3, 2 / 3)).size_steps([image_size((3, 6), 1)])[0]
    assert (high.text, wide.text) == ("3·1/3 = 1", "6·2/3 = 4")
    assert Resize2dLayer(scale=0.1).size_steps([image_size((30, 47), 1)])[0][1].text == "⌊47·0.1⌋ = 4"


def test_the_numbers_of_the_lecture() -> None:
    image = [image_size((360, 480), 3)]
    high, wide, _ = Convolution2dLayer(3, 64, padding=100).size_steps(image)[0]
    assert (high.text, wide.text) == ("(360 + 2·100 − 3)/1 + 1 = 558", "(480 + 2·100 − 3)/1 + 1 = 678")
    pool = AveragePooling2dLayer(2, stride=2)
    assert pool.size_steps([image_size((339, 678), 3)])[0][0].text == (
        "⌊(339 − 2)/2⌋ + 1 = ⌊337/2⌋ + 1 = 169, a remainder of 1 is dropped"
    )
    up = TransposedConv2dLayer(4, 11, stride=2)
    assert up.size_steps([image_size((11, 15), 11)])[0][0].text == "2·(11 − 1) + 4 = 24"
