"""Sums, baselines and bootstrap intervals of metrics, each against a second evaluation."""

import functools
import math
import pickle

import numpy as np
import pytest

from layergraph.errors import ArgumentError, DataError
from layergraph.segmentation import evaluate_semantic_segmentation

CLASSES = ("sky", "road", "car", "sign")


def label_images(seed, count=7):
    random = np.random.default_rng(seed)
    # no sign at all, and images without a car
    truth = [random.integers(0, 2 + number % 2, (5, 6)) for number in range(count)]
    predicted = [
        np.where(random.random((5, 6)) < 0.6, labels, random.integers(0, 3, (5, 6))) for labels in truth
    ]
    for labels in truth:
        labels[random.random((5, 6)) < 0.1] = 255
    return predicted, truth


PREDICTED, TRUTH = label_images(0)
evaluate = functools.partial(evaluate_semantic_segmentation, classes=CLASSES)


def assert_same(one, other):
    np.testing.assert_array_equal(one.confusion_matrix, other.confusion_matrix)
    np.testing.assert_array_equal(one.unlabeled_predictions, other.unlabeled_predictions)
    for name in ("data_set_metrics", "class_metrics", "image_metrics"):
        for column in getattr(one, name).columns:
            values, others = getattr(one, name)[column], getattr(other, name)[column]
            if column == "name":
                assert values.tolist() == others.tolist()
            else:
                np.testing.assert_allclose(values, others, rtol=1e-12, err_msg=f"{name}.{column}")


def test_parts_add_up_to_the_evaluation_of_all():
    whole = evaluate(PREDICTED, TRUTH)
    parts = [evaluate(PREDICTED[part], TRUTH[part]) for part in (slice(3), slice(3, 4), slice(4, None))]
    # as they come from other processes
    parts = pickle.loads(pickle.dumps(parts))
    for joint in (sum(parts), parts[0] + (parts[1] + parts[2])):
        assert_same(joint, whole)
        assert_same(joint.baseline, whole.baseline)
        assert joint.bootstrap(num_samples=5) == whole.bootstrap(num_samples=5)
        assert [image.position for image in joint.worst_images] == [
            image.position for image in whole.worst_images
        ]


def test_parts_must_fit():
    one = evaluate(PREDICTED, TRUTH, metrics="iou")
    with pytest.raises(
        ArgumentError, match=r"both parts must have the same metrics, got 'iou' and 'accuracy'$"
    ):
        one + evaluate(PREDICTED, TRUTH, metrics="accuracy")
    with pytest.raises(DataError, match="the first part and the second part must have the same classes"):
        one + evaluate(PREDICTED, TRUTH, metrics="iou", classes=CLASSES[::-1])
    with pytest.raises(TypeError):
        one + 1


def test_the_baseline_is_the_evaluation_of_constant_predictions():
    metrics = evaluate(PREDICTED, TRUTH)
    pixels = np.bincount(np.concatenate([labels.ravel() for labels in TRUTH]))[:4]
    constant = [np.full_like(labels, pixels.argmax()) for labels in TRUTH]
    assert_same(metrics.baseline, evaluate(constant, TRUTH))
    assert_same(metrics.baseline.baseline, metrics.baseline)
    assert metrics.to_dict()["baseline"]["class"] == CLASSES[pixels.argmax()]


def test_the_baseline_of_images_without_the_largest_class():
    truth = [np.zeros((9, 9), int), np.pad(np.ones((3, 3), int), 3, constant_values=2), np.full((3, 3), 255)]
    metrics = evaluate(truth, truth)
    assert_same(metrics.baseline, evaluate([labels * 0 for labels in truth], truth))


def test_a_bootstrap_interval_has_the_percentiles_of_evaluated_samples():
    metrics = evaluate(PREDICTED, TRUTH)
    table = metrics.bootstrap(0.8, num_samples=40, seed=3)
    assert table == metrics.bootstrap(0.8, num_samples=40, seed=3)
    random = np.random.default_rng(3)
    samples = []
    for counts in random.multinomial(len(TRUTH), np.full(len(TRUTH), 1 / len(TRUTH)), 40):
        chosen = np.repeat(np.arange(len(TRUTH)), counts)
        drawn = evaluate([PREDICTED[i] for i in chosen], [TRUTH[i] for i in chosen])
        classes = [drawn.class_metrics[name] for name in drawn.class_metrics.columns[1:]]
        samples.append([*drawn.data_set_metrics[0].values(), *np.concatenate(classes)])
    with np.errstate(all="ignore"):
        for row, column in zip(table, np.transpose(samples), strict=True):
            known = column[~np.isnan(column)]
            expected = np.quantile(known, [0.1, 0.9]) if known.size else [math.nan] * 2
            np.testing.assert_allclose([row["lower"], row["upper"]], expected, rtol=1e-12)
    values = [*metrics.data_set_metrics[0].values()]
    np.testing.assert_allclose(table.value[:5], values, rtol=1e-12)
    assert [row["name"] for row in table][4:7] == ["", "sky", "road"]


def test_one_image_has_no_interval():
    table = evaluate(PREDICTED[:1], TRUTH[:1]).bootstrap(num_samples=3)
    assert np.isnan(table.lower).all()
    assert table.value[0] > 0
    with pytest.raises(ArgumentError, match=r"bootstrap: level must be a finite number from 0 to 1, got 95$"):
        evaluate(PREDICTED, TRUTH, metrics="iou").bootstrap(95)


def test_scikit_learn_agrees():
    sklearn = pytest.importorskip("sklearn.metrics")
    metrics = evaluate(PREDICTED, TRUTH)
    truth, predicted = (np.concatenate([image.ravel() for image in images]) for images in (TRUTH, PREDICTED))
    options = {"y_true": truth[truth != 255], "y_pred": predicted[truth != 255]}
    labels = [0, 1, 2]
    matrix = sklearn.confusion_matrix(**options, labels=labels)
    np.testing.assert_array_equal(metrics.confusion_matrix[:3, :3], matrix)
    iou = sklearn.jaccard_score(**options, labels=labels, average=None)
    np.testing.assert_allclose(metrics.class_metrics.iou[:3], iou)
    recall = sklearn.recall_score(**options, labels=labels, average=None)
    np.testing.assert_allclose(metrics.class_metrics.accuracy[:3], recall)
    weighted = sklearn.jaccard_score(**options, labels=labels, average="weighted")
    np.testing.assert_allclose(metrics.data_set_metrics.weighted_iou, [weighted])
