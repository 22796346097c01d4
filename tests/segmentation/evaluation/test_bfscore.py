"""Boundary scores against a comparison of all pairs of pixels."""

import math
import sys

import numpy as np
import pytest

from layergraph.data import LabelArray
from layergraph.errors import ArgumentError, DataError, MissingExtraError, WrongTypeError
from layergraph.segmentation import bfscore, dice, evaluate_semantic_segmentation, jaccard


def boundary(mask):
    """The pixels that have a neighbor outside."""
    sides = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    inside = {tuple(pixel) for pixel in np.argwhere(mask).tolist()}
    return [(y, x) for y, x in inside if any((y + dy, x + dx) not in inside for dy, dx in sides)]


def part_near(points, others, threshold):
    if not points:
        return math.nan
    near = [any((y - b) ** 2 + (x - a) ** 2 <= threshold**2 for b, a in others) for y, x in points]
    return sum(near) / len(near)


def expected_match(predicted, truth, threshold):
    points, others = boundary(predicted), boundary(truth)
    precision, recall = part_near(points, others, threshold), part_near(others, points, threshold)
    if not points and not others:
        return math.nan, precision, recall
    both = precision + recall
    return 2 * precision * recall / both if both > 0 else 0, precision, recall


def blobs(random, shape, num_classes):
    """Labels in patches, so that boundaries have an inside."""
    coarse = random.integers(0, num_classes, (3, 3))
    rows, columns = (np.sort(random.integers(0, 3, side)) for side in shape)
    return coarse[np.ix_(rows, columns)]


def blob_pair(random, shape, num_classes):
    return blobs(random, shape, num_classes), blobs(random, shape, num_classes)


@pytest.mark.parametrize("threshold", [0, 1, 1.5, 2, 3, 1000])
def test_masks_against_all_pairs(threshold):
    random = np.random.default_rng(0)
    for _ in range(20):
        shape = tuple(random.integers(1, 14, 2))
        pairs = ([labels == 1 for labels in blob_pair(random, shape, 2)], random.random((2, *shape)) < 0.3)
        for predicted, truth in pairs:
            expected = expected_match(predicted, truth, threshold)
            np.testing.assert_allclose(bfscore(predicted, truth, threshold), expected, rtol=1e-12)


def test_classes_against_all_pairs():
    random = np.random.default_rng(1)
    for _ in range(10):
        predicted, truth = blob_pair(random, (12, 15), 4)
        truth[random.random(truth.shape) < 0.1] = 255
        scores = bfscore(LabelArray(predicted, [*"abcde"]), truth, 1.5)
        labeled = truth != 255
        for index in range(5):
            expected = expected_match((predicted == index) & labeled, truth == index, 1.5)
            np.testing.assert_allclose([column[index] for column in scores], expected, rtol=1e-12)
        assert math.isnan(scores.score[4])


def test_the_threshold_is_a_part_of_the_diagonal():
    truth = np.zeros((300, 400), bool)
    truth[100:200, 100:200] = True
    assert bfscore(np.roll(truth, 3, axis=1), truth).score == 1
    shifted = np.roll(truth, 4, axis=1)
    assert bfscore(shifted, truth).score == bfscore(shifted, truth, 0.0075 * 500).score < 1


def test_a_class_in_one_of_two_has_score_0():
    nothing, something = np.zeros((4, 4), bool), np.eye(4, dtype=bool)
    assert bfscore(something, nothing).score == bfscore(nothing, something).score == 0
    assert math.isnan(bfscore(nothing, nothing).score)


def test_volumes_have_boundaries():
    truth = np.zeros((8, 8, 8), bool)
    truth[2:6, 2:6, 2:6] = True
    assert bfscore(truth, truth, 0).score == 1
    assert bfscore(np.roll(truth, 1, axis=0), truth, 1).score == 1


def test_the_tables_of_an_evaluation():
    random = np.random.default_rng(2)
    predicted, truth = zip(*(blob_pair(random, (20, 30), 3) for _ in range(4)), strict=True)
    metrics = evaluate_semantic_segmentation(predicted, truth, classes=[*"abcd"], metrics="bfscore")
    each = np.array([bfscore(*pair, num_classes=4).score for pair in zip(predicted, truth, strict=True)])
    images = np.nanmean(each, axis=1)
    np.testing.assert_allclose(metrics.image_metrics.mean_bf_score, images, rtol=1e-12)
    np.testing.assert_allclose(metrics.data_set_metrics.mean_bf_score, [images.mean()], rtol=1e-12)
    classes = [np.nanmean(column) if not np.isnan(column).all() else math.nan for column in each.T]
    np.testing.assert_allclose(metrics.class_metrics.mean_bf_score, classes, rtol=1e-12)


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtraError, match=r'^bfscore needs the package scipy.*"layergraph\[train\]"'):
        evaluate_semantic_segmentation([[[0, 1]]], [[[0, 1]]])
    evaluate_semantic_segmentation([[[0, 1]]], [[[0, 1]]], metrics="iou")


def test_overlaps_of_masks_and_of_labels_without_a_number_of_classes():
    random = np.random.default_rng(3)
    for _ in range(20):
        one, other = random.random((2, 5, 6)) < 0.4
        both, either = (one & other).sum(), (one | other).sum()
        assert jaccard(one, other) == pytest.approx(both / either)
        assert dice(one, other) == pytest.approx(2 * both / (one.sum() + other.sum()))
    assert math.isnan(jaccard(one & False, one & False))
    labels, truth = random.integers(0, 4, (2, 6, 6))
    np.testing.assert_array_equal(jaccard(labels, truth), jaccard(labels, truth, 4))
    assert len(dice(LabelArray(labels, [*"abcdef"]), truth)) == 6
    assert np.isnan(jaccard([[255]], [[255]])).tolist() == [True]


@pytest.mark.parametrize("function", [bfscore, jaccard, dice])
def test_wrong_pairs(function):
    call, mask = function.__name__, np.eye(2, dtype=bool)
    with pytest.raises(
        WrongTypeError, match=f"^{call}: predicted and truth must both be masks.*got a mask and"
    ):
        function(mask, [[0, 1], [1, 0]])
    with pytest.raises(DataError, match=f"^{call}: predicted must have the size of the truth"):
        function(mask, mask[:1])
    with pytest.raises(DataError, match=f"^{call}: truth must hold class indices, got 0 and 255 alone"):
        function([[0, 0]], [[0, 255]])
    with pytest.raises(DataError, match="rows of different lengths"):
        function([[0, 0], [1]], [[0, 1]])


def test_wrong_thresholds():
    with pytest.raises(
        ArgumentError, match=r"^bfscore: threshold must be a finite number of at least 0, got -1"
    ):
        bfscore([[0, 1]], [[0, 1]], -1)
    with pytest.raises(DataError, match=r"^bfscore: truth must be an image \(H, W\), got the shape \(2,\)"):
        bfscore([0, 1], [0, 1])
