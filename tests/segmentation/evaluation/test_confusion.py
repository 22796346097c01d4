"""Confusion matrices and their metrics, against per-pixel loops, torchmetrics and MATLAB's numbers."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from layergraph.data import LabelArray
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.segmentation import (
    confusion_metrics,
    dice,
    jaccard,
    normalized_confusion_matrix,
    segmentation_confusion_matrix,
)

TRIANGLES = [[4730, 0], [9601, 88069]]


@st.composite
def label_pairs(draw, unlabeled_predictions=True):
    """(predicted, truth, num_classes) of one shape, some pixels unlabeled."""
    num_classes = draw(st.integers(1, 5))
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=6))
    dtype = draw(st.sampled_from([np.uint8, np.int16, np.int64]))
    known = st.integers(0, num_classes - 1)
    either = st.one_of(known, st.just(255))
    predicted = draw(hnp.arrays(dtype, shape, elements=either if unlabeled_predictions else known))
    truth = draw(hnp.arrays(dtype, shape, elements=either))
    assume(not any(set(labels.ravel().tolist()) == {0, 255} for labels in (predicted, truth)))  # masks
    return predicted, truth, num_classes


def pixels(predicted, truth):
    """The pixels that count, as pairs (predicted label, true label) of Python numbers."""
    pairs = zip(predicted.ravel().tolist(), truth.ravel().tolist(), strict=True)
    return [(label, true_label) for label, true_label in pairs if true_label != 255]


def same(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


@given(label_pairs())
def test_counts_are_those_of_a_loop_over_the_pixels(case):
    predicted, truth, num_classes = case
    expected = [[0] * (num_classes + 1) for _ in range(num_classes)]
    for label, true_label in pixels(predicted, truth):
        expected[true_label][num_classes if label == 255 else label] += 1
    full = segmentation_confusion_matrix(predicted, truth, num_classes, unlabeled_column=True)
    assert full.tolist() == expected
    assert full.dtype == np.int64
    assert segmentation_confusion_matrix(predicted, truth, num_classes).tolist() == [
        row[:-1] for row in expected
    ]


@given(label_pairs())
def test_metrics_are_those_of_sets_of_pixels(case):
    predicted, truth, num_classes = case
    pairs = pixels(predicted, truth)
    accuracy, iou, overlap, weighted = [], [], [], 0.0
    for c in range(num_classes):
        a = {position for position, (label, _) in enumerate(pairs) if label == c}
        b = {position for position, (_, true_label) in enumerate(pairs) if true_label == c}
        accuracy.append(len(a & b) / len(b) if b else math.nan)
        iou.append(len(a & b) / len(a | b) if a | b else math.nan)
        overlap.append(2 * len(a & b) / (len(a) + len(b)) if a or b else math.nan)
        weighted += len(b) * iou[-1] / len(pairs) if b else 0.0
    metrics = confusion_metrics(
        segmentation_confusion_matrix(predicted, truth, num_classes, unlabeled_column=True)
    )
    same(metrics.accuracy, accuracy)
    same(metrics.iou, iou)
    same(jaccard(predicted, truth, num_classes), iou)
    same(dice(predicted, truth, num_classes), overlap)
    hits = sum(label == true_label for label, true_label in pairs)
    same(metrics.global_accuracy, hits / len(pairs) if pairs else math.nan)
    same(metrics.weighted_iou, weighted if pairs else math.nan)
    for mean, values in ((metrics.mean_accuracy, accuracy), (metrics.mean_iou, iou)):
        known = [value for value in values if not math.isnan(value)]
        same(mean, sum(known) / len(known) if known else math.nan)


@given(label_pairs(unlabeled_predictions=False))
def test_dice_follows_from_jaccard(case):
    index = jaccard(*case)
    same(dice(*case), 2 * index / (1 + index))


def test_torchmetrics_agrees():
    torch = pytest.importorskip("torch")
    classification = pytest.importorskip("torchmetrics.functional.classification")
    random = np.random.default_rng(0)
    truth = random.integers(0, 6, (4, 30, 40))
    predicted = np.where(random.random(truth.shape) < 0.7, truth, random.integers(0, 6, truth.shape))
    truth[random.random(truth.shape) < 0.1] = 255
    tensors = torch.from_numpy(predicted), torch.from_numpy(truth)
    options = {"num_classes": 6, "ignore_index": 255}
    counts = segmentation_confusion_matrix(predicted, truth, 6)
    metrics = confusion_metrics(counts)
    assert counts.tolist() == classification.multiclass_confusion_matrix(*tensors, **options).tolist()
    iou = classification.multiclass_jaccard_index(*tensors, average="none", **options)
    recall = classification.multiclass_recall(*tensors, average="none", **options)
    micro = classification.multiclass_accuracy(*tensors, average="micro", **options)
    weighted = classification.multiclass_jaccard_index(*tensors, average="weighted", **options)
    np.testing.assert_allclose(metrics.iou, iou, rtol=1e-6)
    np.testing.assert_allclose(metrics.accuracy, recall, rtol=1e-6)
    np.testing.assert_allclose(metrics.global_accuracy, micro, rtol=1e-6)
    np.testing.assert_allclose(metrics.weighted_iou, weighted, rtol=1e-6)


def test_the_triangle_example_of_matlab():
    metrics = confusion_metrics(TRIANGLES)
    assert round(metrics.global_accuracy, 5) == 0.90624
    assert round(metrics.mean_accuracy, 5) == 0.95085
    assert round(metrics.mean_iou, 5) == 0.61588
    assert round(metrics.weighted_iou, 5) == 0.87529
    assert metrics.accuracy.round(4).tolist() == [1, 0.9017]
    assert metrics.iou.round(5).tolist() == [0.33005, 0.9017]
    np.testing.assert_allclose(normalized_confusion_matrix(TRIANGLES), [[1, 0], [0.0983, 0.9017]], atol=5e-5)


def test_an_absent_class_is_nan_and_not_in_the_means():
    metrics = confusion_metrics([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    assert np.isnan([metrics.accuracy[2], metrics.iou[2]]).all()
    assert metrics.mean_accuracy == (0.75 + 1) / 2
    assert metrics.mean_iou == (0.75 + 0.8) / 2


def test_a_class_that_is_only_predicted_has_no_accuracy_and_iou_0():
    metrics = confusion_metrics([[3, 1], [0, 0]])
    np.testing.assert_array_equal(metrics.accuracy, [0.75, math.nan])
    assert metrics.iou.tolist() == [0.75, 0]
    assert (metrics.mean_accuracy, metrics.mean_iou, metrics.weighted_iou) == (0.75, 0.375, 0.75)


def test_nothing_labeled_is_nan_everywhere():
    metrics = confusion_metrics(segmentation_confusion_matrix([[0, 1]], [[255, 255]], 2))
    assert np.isnan(np.hstack(metrics)).all()
    assert np.isnan(normalized_confusion_matrix(np.zeros((2, 2)))).all()


def test_unlabeled_predictions_count_in_the_row():
    counts = segmentation_confusion_matrix([0, 255, 255, 1], [0, 0, 0, 1], 2, unlabeled_column=True)
    assert counts.tolist() == [[1, 0, 2], [0, 1, 0]]
    metrics = confusion_metrics(counts)
    np.testing.assert_allclose(metrics.accuracy, [1 / 3, 1])
    np.testing.assert_allclose(metrics.iou, [1 / 3, 1])
    assert metrics.global_accuracy == 0.5
    np.testing.assert_allclose(normalized_confusion_matrix(counts), [[1 / 3, 0], [0, 1]])


def test_all_255_classes_have_room():
    every = np.arange(255)
    assert (segmentation_confusion_matrix(every, every, 255) == np.eye(255)).all()


MASK = np.array([[0, 255], [255, 0]], np.uint8)


@pytest.mark.parametrize("function", [segmentation_confusion_matrix, jaccard, dice])
def test_masks_are_no_labels(function):
    labels = MASK // 255
    call = function.__name__
    for argument, pair in (("predicted", (MASK, labels)), ("truth", (labels, MASK))):
        message = f"^{call}: {argument} must hold class indices, got 0 and 255 alone, as a mask"
        with pytest.raises(DataError, match=message):
            function(*pair, 2)
    message = "predicted and truth must both be masks of True and False, or both class indices, got labels"
    if function is segmentation_confusion_matrix:
        message = "truth must hold class indices, got a boolean mask; "
    with pytest.raises(WrongTypeError, match=f"^{call}: {message}"):
        function(labels, MASK > 0, 2)
    # the conversions that the errors name
    assert (
        function(np.where(MASK == 255, 1, 0), np.where(MASK > 0, 1, 0), 2) == function(labels, labels, 2)
    ).all()


def test_labels_that_know_their_classes_may_be_0_and_255_alone():
    truth = LabelArray(MASK, ["sky", "road"])
    assert segmentation_confusion_matrix(MASK // 255, truth, 2).tolist() == [[2, 0], [0, 0]]
    assert segmentation_confusion_matrix(MASK, MASK, 1).tolist() == [[2]]


def test_labels_of_other_classes_are_not_compared():
    labels = [[0, 1]]
    with pytest.raises(
        DataError, match=r"must have the same classes .*, got \('sky', 'road'\) and \('road', 'sky'\)$"
    ):
        jaccard(LabelArray(labels, ["sky", "road"]), LabelArray(labels, ["road", "sky"]), 2)


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.uint8, np.int32, np.int64, np.uint64]))
def test_counts_of_any_size_and_type_are_exact_ratios(seed, dtype):
    random = np.random.default_rng(seed)
    matrix = random.integers(0, np.iinfo(dtype).max, (3, 4), dtype, endpoint=True)
    rows = [list(map(Fraction, row)) for row in matrix.tolist()]
    true = [sum(row) for row in rows]
    predicted = [sum(row[c] for row in rows) for c in range(3)]
    hits = [rows[c][c] for c in range(3)]
    iou = [h / (t + s - h) if t + s - h else None for h, t, s in zip(hits, true, predicted, strict=True)]
    assume(None not in iou and all(true))
    metrics = confusion_metrics(matrix)
    same(metrics.accuracy, [float(h / t) for h, t in zip(hits, true, strict=True)])
    same(metrics.iou, list(map(float, iou)))
    same(metrics.global_accuracy, float(sum(hits) / sum(true)))
    weighted = sum(t * i for t, i in zip(true, iou, strict=True)) / sum(true)
    same(metrics.weighted_iou, float(weighted))
    normalized = [[float(n / t) for n in row[:3]] for row, t in zip(rows, true, strict=True)]
    same(normalized_confusion_matrix(matrix), normalized)


@pytest.mark.parametrize("matrix", [[[-1, 1], [0, 1]], [[np.nan, 1], [0, 1]]])
@pytest.mark.parametrize("function", [confusion_metrics, normalized_confusion_matrix])
def test_invalid_counts(function, matrix):
    with pytest.raises(DataError, match=f"^{function.__name__}: matrix must hold counts of 0 or more, got "):
        function(matrix)


@pytest.mark.parametrize(
    ("predicted", "truth", "num_classes", "error", "message"),
    [
        (
            [[0, 1]],
            [[0], [1]],
            2,
            DataError,
            "predicted must have the size of the truth (2×1), got 1×2; segment the image at the size of its "
            "truth",
        ),
        (
            [0, 3],
            [0, 1],
            2,
            DataError,
            "predicted must hold class indices from 0 to 1, or 255 (unlabeled), got 3",
        ),
        (
            [0, 1],
            [0, -1],
            2,
            DataError,
            "truth must hold class indices from 0 to 1, or 255 (unlabeled), got -1",
        ),
        (
            [0.0, 1.0],
            [0, 1],
            2,
            WrongTypeError,
            "predicted must hold integer class indices, got an array of float64",
        ),
        *(
            (
                [0],
                [0],
                number,
                ArgumentError,
                f"num_classes must be a whole number from 1 to 255, got {number!r}",
            )
            for number in (0, 256, 2.5, "2")
        ),
        ([[0], [0, 1]], [0], 2, DataError, "predicted must be an array, got rows of different lengths"),
    ],
)
def test_invalid_labels(predicted, truth, num_classes, error, message):
    with pytest.raises(error, match=f"^segmentation_confusion_matrix: {re.escape(message)}$"):
        segmentation_confusion_matrix(predicted, truth, num_classes)


@pytest.mark.parametrize("shape", [(2,), (3, 2), (2, 4), (0, 0)])
@pytest.mark.parametrize("function", [confusion_metrics, normalized_confusion_matrix])
def test_invalid_confusion_matrices(function, shape):
    message = (
        f"{function.__name__}: matrix must have one row and one column per class (and may have one more "
        f"column, for pixels predicted as unlabeled), got an array of shape {shape}"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        function(np.ones(shape))


@pytest.mark.parametrize("function", [confusion_metrics, normalized_confusion_matrix])
def test_words_and_ragged_rows_are_refused(function):
    with pytest.raises(
        WrongTypeError, match=f"^{function.__name__}: matrix must hold numbers, got an array of <U1$"
    ):
        function([["a", "b"], ["c", "d"]])
    with pytest.raises(
        DataError, match=f"^{function.__name__}: matrix must be an array, got rows of different"
    ):
        function([[1, 2], [3]])
