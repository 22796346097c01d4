"""Patch classification: the network of the paper, patch sizes, and whole images."""

import re
from math import prod

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layergraph import ArgumentError
from layergraph.builders import patch_classification_layers
from layergraph.edits import dilate, fully_convolutional
from layergraph.graph.size_inference import infer_sizes
from layergraph.segmentation import SlidingWindow, semanticseg


def learnables(lgraph):
    inputs = infer_sizes(lgraph).inputs
    return sum(prod(size) for n in lgraph for size in lgraph[n].learnables(list(inputs[n])).values())


def test_the_network_of_the_paper():
    """The table of the paper: maps of 92, 46, 42, 21, 18, 9, 6 and 3 pixels, then 200 and 2 neurons."""
    lgraph = patch_classification_layers(95, 2, filter_sizes=(4, 5, 4, 4))
    inferred = infer_sizes(lgraph)
    assert not inferred.issues
    sizes = {name: inferred.outputs[name][0] for name in lgraph}
    for stage, (convolved, pooled) in enumerate([(92, 46), (42, 21), (18, 9), (6, 3)], 1):
        assert sizes[f"conv{stage}_1"].shape == (convolved, convolved, 48, 1)
        assert sizes[f"pool{stage}"].shape == (pooled, pooled, 48, 1)
    assert [sizes[name].num_elements for name in ("fc5", "fc6", "prob", "output")] == [200, 2, 2, 2]
    assert learnables(lgraph) == (
        (16 * 1 + 1) * 48 + (25 * 48 + 1) * 48 + 2 * (16 * 48 + 1) * 48 + (9 * 48 + 1) * 200 + 201 * 2
    )


def test_names_and_arguments():
    lgraph = patch_classification_layers(
        (40, 24, 3),
        4,
        encoder_depth=2,
        num_convolution_layers=(2, 1),
        num_output_channels=(5, 6),
        filter_sizes=(3, 5),
        fully_connected_sizes=(20, 10),
    )
    assert list(lgraph) == [
        *("input", "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1", "conv2_1", "relu2_1", "pool2"),
        *("fc3", "relu3", "fc4", "relu4", "fc5", "prob", "output"),
    ]
    assert [lgraph[f"conv{name}"].num_filters for name in ("1_1", "1_2", "2_1")] == [5, 5, 6]
    assert [lgraph[f"conv{name}"].filter_size for name in ("1_1", "1_2", "2_1")] == [(3, 3), (3, 3), (5, 5)]
    assert [lgraph[f"fc{index}"].output_size for index in (3, 4, 5)] == [20, 10, 4]
    assert lgraph["input"].input_size == (40, 24, 3)
    assert lgraph.compile()(torch.rand(2, 3, 40, 24)).shape == (2, 4)


def fits(n, sections):
    """Whether every pooling halves an even size."""
    for convolutions, window in sections:
        n -= convolutions * (window - 1)
        if n < 2 or n % 2:
            return False
        n //= 2
    return True


@settings(max_examples=100)
@given(
    sections=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 5)), min_size=1, max_size=4),
    n=st.integers(1, 150),
    height=st.booleans(),
)
def test_sizes_fit_or_the_error_names_the_nearest(sections, n, height):
    good = [m for m in range(1, 400) if fits(m, sections)]

    def build(rows, columns):
        return patch_classification_layers(
            (rows, columns),
            2,
            encoder_depth=len(sections),
            num_convolution_layers=[count for count, _ in sections],
            filter_sizes=[window for _, window in sections],
            num_output_channels=1,
        )

    size = (n, good[0]) if height else (good[0], n)
    if n in good:
        assert not infer_sizes(build(*size)).issues
        return
    with pytest.raises(ArgumentError) as caught:
        build(*size)
    what = "height" if height else "width"
    text = str(caught.value)
    assert text.startswith(f"patch_classification_layers: a patch {what} of {n} does not fit")
    named = [int(d) for d in re.search(r"nearest that fits?: ([\d and]+);", text)[1].split(" and ")]
    assert named == [*[m for m in good if m < n][-1:], *[m for m in good if m > n][:1]]


@pytest.mark.parametrize(("size", "shape"), [(13, (20, 23)), ((13, 21), (14, 17))])
def test_one_pass_over_the_image_equals_patch_by_patch(size, shape):
    """The image is mirrored at its border, so that every pixel has a patch around it."""
    net = patch_classification_layers(size, 3, encoder_depth=2, num_output_channels=6).compile().eval()
    height, width = np.broadcast_to(size, 2)
    image = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    _, scores = semanticseg(image, SlidingWindow(net), return_scores=True)
    with torch.no_grad():  # equal mean scores of all classes, so that none wins everywhere
        net.layer_module("fc4").bias -= torch.from_numpy(np.log(scores.clip(1e-30)).mean(axis=(0, 1)))
    labels, scores = semanticseg(image, SlidingWindow(net), return_scores=True)
    assert len(np.unique(labels)) > 1

    mirrored = np.pad(image, [(height // 2, height // 2), (width // 2, width // 2)], mode="reflect")
    whole = fully_convolutional(net.layer_graph(), (*mirrored.shape, 1))
    dense = dilate(whole, 1, keep_size=False).compile().eval()
    at_once, dense_scores = semanticseg(mirrored, dense, return_scores=True)
    assert at_once.shape == shape
    np.testing.assert_allclose(dense_scores, scores, atol=1e-6)
    assert np.array_equal(at_once, labels)

    strided = semanticseg(mirrored, whole.compile().eval())
    assert np.array_equal(strided, labels[::4, ::4])
    assert np.array_equal(semanticseg(image, SlidingWindow(net, step=4)), strided)


MISTAKES = """
patch_classification_layers(61, 2, num_convolution_layers=100_000_000)
patch_classification_layers(64, 2)
patch_classification_layers((61, 3), 2)
patch_classification_layers(95, 2)
patch_classification_layers("61", 2)
patch_classification_layers(61.5, 2)
patch_classification_layers((61, 61, 3, 1), 2)
patch_classification_layers(61, 1)
patch_classification_layers(61, 2, encoder_depth=0)
patch_classification_layers(61, 2, filter_sizes=(4, 4))
patch_classification_layers(61, 2, num_output_channels=0)
patch_classification_layers(61, 2, fully_connected_sizes=(200, 0))
patch_classification_layers(61, 2, fully_connected_sizes="many")
patch_classification_layers(61, 2, fully_connected_sizes=2.5)
"""


def test_the_texts_of_mistakes(golden_errors):
    scope = {"patch_classification_layers": patch_classification_layers}
    calls = {line: lambda line=line: eval(line, scope) for line in MISTAKES.strip().splitlines()}
    golden_errors("patch_classification", calls)
