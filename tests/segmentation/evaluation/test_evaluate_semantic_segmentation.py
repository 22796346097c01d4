"""Evaluation of sets of label images, and its result."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layergraph.data import LabelArray, PixelLabelDatastore, write_labels
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.segmentation import confusion_metrics, evaluate_semantic_segmentation

CLASSES = ("sky", "road", "car")
TRUTH = [[[0, 0], [1, 1]], [[2, 2], [1, 255]]]
PREDICTED = [[[0, 1], [1, 1]], [[2, 255], [1, 0]]]


def store(folder, images, classes=CLASSES, name="label"):
    folder.mkdir()
    for number, labels in enumerate(images, start=1):
        write_labels(folder / f"{name}_{number}.png", np.array(labels))
    return PixelLabelDatastore(folder, classes, range(len(classes)), ignored_ids=[255])


# test_bfscore.py has the boundary scores
COUNTED = ("global-accuracy", "accuracy", "iou", "weighted-iou")


def evaluate(**options):
    defaults = {"classes": CLASSES, "metrics": COUNTED}
    return evaluate_semantic_segmentation(PREDICTED, TRUTH, **{**defaults, **options})


def test_the_tables():
    metrics = evaluate()
    assert metrics.classes == CLASSES
    assert metrics.confusion_matrix.tolist() == [[1, 1, 0], [0, 3, 0], [0, 0, 1]]
    assert metrics.unlabeled_predictions.tolist() == [0, 0, 1]
    np.testing.assert_array_equal(
        metrics.normalized_confusion_matrix, [[0.5, 0.5, 0], [0, 1, 0], [0, 0, 0.5]]
    )
    assert metrics.data_set_metrics.to_records() == [
        {
            "global_accuracy": 5 / 7,
            "mean_accuracy": 2 / 3,
            "mean_iou": (0.5 + 0.75 + 0.5) / 3,
            "weighted_iou": (2 * 0.5 + 3 * 0.75 + 2 * 0.5) / 7,
        }
    ]
    assert metrics.class_metrics.to_records() == [
        {"name": "sky", "accuracy": 0.5, "iou": 0.5},
        {"name": "road", "accuracy": 1.0, "iou": 0.75},
        {"name": "car", "accuracy": 0.5, "iou": 0.5},
    ]
    assert metrics.image_metrics.columns == ("name", *metrics.data_set_metrics.columns)
    assert metrics.image_metrics.name.tolist() == ["0", "1"]
    assert metrics.image_metrics.global_accuracy.tolist() == [0.75, 2 / 3]


def test_means_of_an_image_run_over_its_own_classes():
    metrics = evaluate()
    # the first image has only sky and road; the second road and car, and its sky is on an unlabeled pixel
    np.testing.assert_allclose(metrics.image_metrics.mean_accuracy, [(0.5 + 1) / 2, (1 + 0.5) / 2])
    np.testing.assert_allclose(metrics.image_metrics.mean_iou, [(0.5 + 2 / 3) / 2, (1 + 0.5) / 2])


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 5))
def test_the_data_set_is_all_images_side_by_side(seed, num_classes, num_images):
    random = np.random.default_rng(seed)
    labels = [*range(num_classes), 255]
    classes = [f"class {i}" for i in range(num_classes)]
    predicted, truth = LabelArray(random.choice(labels, (2, num_images, 3, 4)), classes)
    metrics = evaluate_semantic_segmentation(predicted, truth, metrics=COUNTED)
    one = evaluate_semantic_segmentation([np.hstack(predicted)], [np.hstack(truth)], metrics=COUNTED)
    np.testing.assert_array_equal(metrics.confusion_matrix, one.confusion_matrix)
    np.testing.assert_array_equal(metrics.unlabeled_predictions, one.unlabeled_predictions)
    for column in metrics.data_set_metrics.columns:
        np.testing.assert_array_equal(
            getattr(metrics.data_set_metrics, column), getattr(one.image_metrics, column)
        )


def test_every_metric_comes_from_the_one_function():
    metrics = evaluate()
    whole = confusion_metrics(np.column_stack([metrics.confusion_matrix, metrics.unlabeled_predictions]))
    (row,) = metrics.data_set_metrics
    assert len(row) == 4
    assert row == {column: getattr(whole, column) for column in row}


def test_datastores_have_names_and_classes(tmp_path):
    predicted = store(tmp_path / "predicted", PREDICTED, name="pixelLabel")
    truth = store(tmp_path / "truth", TRUTH, name="truth")
    metrics = evaluate_semantic_segmentation(predicted, truth, metrics=COUNTED)
    assert metrics.classes == CLASSES
    assert metrics.image_metrics.name.tolist() == ["truth_1.png", "truth_2.png"]
    expected = evaluate().to_dict()
    for part in (expected, expected["baseline"]):
        for row, name in zip(part["image_metrics"], ("truth_1.png", "truth_2.png"), strict=True):
            row["name"] = name
    assert metrics.to_dict() == expected
    # one of the two gives the classes, and the one with files the names
    arrays = [np.array(labels) for labels in TRUTH]
    mixed = evaluate_semantic_segmentation(predicted, arrays)
    assert mixed.classes == CLASSES
    assert mixed.image_metrics.name.tolist() == ["pixelLabel_1.png", "pixelLabel_2.png"]


def test_a_perfect_predictor_is_right_for_any_order_of_names(tmp_path):
    numbers = range(1, 13)
    images = {n: np.random.default_rng(n).integers(0, 3, (4, 5), np.uint8) for n in numbers}
    for folder, form in (("predicted", "pixelLabel_scan{}"), ("truth", "scan{}_mask")):
        (tmp_path / folder).mkdir()
        for number, labels in images.items():
            write_labels(tmp_path / folder / f"{form.format(number)}.png", labels)
    predicted, truth = (PixelLabelDatastore(tmp_path / f, CLASSES, range(3)) for f in ("predicted", "truth"))
    metrics = evaluate_semantic_segmentation(predicted, truth)
    assert metrics.data_set_metrics.global_accuracy.tolist() == [1.0]
    assert metrics.image_metrics.name.tolist() == [file.name for file in truth.files]
    in_order = evaluate_semantic_segmentation(predicted, truth, pair="order")
    assert in_order.data_set_metrics.global_accuracy[0] < 0.9
    with pytest.raises(DataError, match=r"scan12_mask\.png' has no partner"):
        evaluate_semantic_segmentation(predicted[:3], truth[:4])
    message = "evaluate_semantic_segmentation: pair must be 'name' or 'order', got 'names'"
    with pytest.raises(ArgumentError, match=f"^{message}$"):
        evaluate_semantic_segmentation(predicted, truth, pair="names")


def test_errors_name_the_files_that_were_paired(tmp_path):
    predicted = store(tmp_path / "predicted", [PREDICTED[0], [[0, 1, 2]]], name="b")[[1, 0]]
    truth = store(tmp_path / "truth", TRUTH)
    with pytest.raises(
        DataError, match=r"^image 1 \(.*b_2\.png and .*label_2\.png\): predicted must have the size"
    ):
        evaluate_semantic_segmentation(predicted, truth)


def test_without_class_names_they_are_counted():
    assert evaluate_semantic_segmentation(PREDICTED, TRUTH).classes == ("C1", "C2", "C3")
    nothing = evaluate_semantic_segmentation([[[255]]], [[[255]]])
    assert nothing.classes == ("C1",)
    assert math.isnan(nothing.data_set_metrics.global_accuracy[0])


@pytest.mark.parametrize(
    ("metrics", "data_set", "classes"),
    [
        ("iou", ("mean_iou",), ("name", "iou")),
        (["weighted-iou", "global-accuracy"], ("global_accuracy", "weighted_iou"), ("name",)),
        (("accuracy",), ("mean_accuracy",), ("name", "accuracy")),
    ],
)
def test_metrics_can_be_chosen(metrics, data_set, classes):
    chosen = evaluate(metrics=metrics)
    assert chosen.data_set_metrics.columns == data_set
    assert chosen.image_metrics.columns == ("name", *data_set)
    assert chosen.class_metrics.columns == classes
    assert all(name in str(chosen) for name in data_set)


def test_to_dict_is_json_with_null_for_nan():
    truth = LabelArray([[[0, 255]]], ["sky", "road"])
    metrics = evaluate_semantic_segmentation([[[0, 0]]], truth, metrics="iou")
    text = json.dumps(metrics.to_dict(), allow_nan=False)
    tables = {
        "data_set_metrics": {"mean_iou": 1.0},
        "class_metrics": [{"name": "sky", "iou": 1.0}, {"name": "road", "iou": None}],
        "image_metrics": [{"name": "0", "mean_iou": 1.0}],
    }
    assert json.loads(text) == {
        "classes": ["sky", "road"],
        "confusion_matrix": [[1, 0], [0, 0]],
        "unlabeled_predictions": [0, 0],
        "normalized_confusion_matrix": [[1.0, 0.0], [None, None]],
        **tables,
        "baseline": {"class": "sky", **tables},
    }


def test_print():
    truth = [*TRUTH, [[255, 255], [255, 255]]]
    options = {"classes": [*CLASSES, "sign"], "metrics": COUNTED}
    metrics = evaluate_semantic_segmentation([*PREDICTED, PREDICTED[0]], truth, **options)
    assert str(metrics) == repr(metrics)
    assert (
        str(metrics)
        == """\
Semantic segmentation metrics of 3 images, 4 classes, 7 labeled pixels

Data set

                 global_accuracy    mean_accuracy    mean_iou    weighted_iou
  -----------  -----------------  ---------------  ----------  --------------
  predicted              0.71429          0.66667     0.58333         0.60714
  always road            0.42857          0.33333     0.14286         0.18367

Classes

  name      accuracy     iou
  ------  ----------  ------
  sky            0.5    0.5
  road           1      0.75
  car            0.5    0.5
  sign         nan    nan

Images

  metric             lowest    median     mean    highest    baseline_mean  lowest_image
  ---------------  --------  --------  -------  ---------  ---------------  --------------
  global_accuracy   0.66667   0.70833  0.70833    0.75             0.41667  1
  mean_accuracy     0.75      0.75     0.75       0.75             0.5      0
  mean_iou          0.58333   0.66667  0.66667    0.75             0.20833  0
  weighted_iou      0.58333   0.625    0.625      0.66667          0.18056  0"""
    )


def test_image_summary_of_nothing_is_nan():
    metrics = evaluate_semantic_segmentation([[[0]]], [[[255]]], metrics="iou")
    (row,) = metrics.image_summary()
    assert math.isnan(row["lowest"])
    assert row["lowest_image"] == ""


def test_names_from_outside_do_not_reach_the_terminal():
    metrics = evaluate(classes=["sky", "ro\x1b[2Jad", "c\nar"])
    assert metrics.classes == ("sky", "ro\x1b[2Jad", "c\nar")
    assert "\x1b" not in str(metrics)
    assert "ro\\x1b[2Jad" in str(metrics)
    assert "\n  c\\nar " in str(metrics)


def test_html_shows_all_three_and_no_markup_of_a_name():
    html = evaluate(classes=["sky", "<script>alert(1)</script>", "car"])._repr_html_()
    assert html.count("<table") == 3
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_different_numbers_of_images():
    message = (
        "evaluate_semantic_segmentation: predicted must hold one label image per true one (2), in the same "
        "order, got 1"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        evaluate_semantic_segmentation(PREDICTED[:1], TRUTH)


def test_no_images():
    message = (
        "evaluate_semantic_segmentation: predicted and truth must hold one label image or more, got none"
    )
    with pytest.raises(DataError, match=f"^{message}$"):
        evaluate_semantic_segmentation([], [])


def test_different_sizes_name_the_files(tmp_path):
    predicted = store(tmp_path / "predicted", [PREDICTED[0], [[0, 1, 2]]])
    truth = store(tmp_path / "truth", TRUTH)
    message = (
        f"image 1 ({predicted.files[1]} and {truth.files[1]}): predicted must have the size of the truth "
        "(2×2), got 1×3; segment the image at the size of its truth"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        evaluate_semantic_segmentation(predicted, truth)


def test_labels_outside_the_classes_name_the_image():
    message = "image 1: truth must hold class indices from 0 to 1, or 255 (unlabeled), got 2"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        evaluate_semantic_segmentation([[[0]], [[0]]], [[[1]], [[2]]], classes=["sky", "road"])


def test_labels_must_be_indices():
    message = "image 0: predicted must hold integer class indices, got an array of float64"
    with pytest.raises(WrongTypeError, match=f"^{re.escape(message)}$"):
        evaluate_semantic_segmentation([np.zeros((2, 2))], [np.zeros((2, 2), int)], classes=["sky"])


def test_different_classes(tmp_path):
    predicted = store(tmp_path / "predicted", PREDICTED, ("sky", "car", "road"))
    truth = store(tmp_path / "truth", TRUTH)
    for arguments, message in [
        (
            {"truth": truth},
            "predicted and truth must have the same classes in the same order, got ('sky', 'car', 'road') "
            "and ('sky', 'road', 'car')",
        ),
        (
            {"truth": TRUTH, "classes": CLASSES},
            "predicted and the argument classes must have the same classes in the same order, got ('sky', "
            "'car', 'road') and ('sky', 'road', 'car')",
        ),
    ]:
        with pytest.raises(DataError, match=f"^evaluate_semantic_segmentation: {re.escape(message)}$"):
            evaluate_semantic_segmentation(predicted, **arguments)


def test_class_names_in_one_string():
    message = "evaluate_semantic_segmentation: classes must be a sequence of class names, got 'sky'"
    with pytest.raises(WrongTypeError, match=f"^{message}$"):
        evaluate(classes="sky")


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (
            "wieghted-iou",
            "metrics must be names of metrics, got 'wieghted-iou'; did you mean 'weighted-iou'?",
        ),
        (
            ["iou", "bf-score"],
            "metrics must be names of metrics, got 'bf-score'; did you mean 'bfscore'?",
        ),
        (
            [3],
            "metrics must be names of metrics, got 3; there are 'global-accuracy', 'accuracy', 'iou', "
            "'weighted-iou', 'bfscore'",
        ),
        (
            [],
            "metrics must be names of metrics, got none; there are 'global-accuracy', 'accuracy', 'iou', "
            "'weighted-iou', 'bfscore'",
        ),
    ],
)
def test_invalid_metrics(metrics, message):
    with pytest.raises(ArgumentError, match=f"^evaluate_semantic_segmentation: {re.escape(message)}$"):
        evaluate(metrics=metrics)


def test_two_arrays_are_one_image():
    predicted, truth = np.array(PREDICTED[0]), np.array(TRUTH[0])
    metrics = evaluate_semantic_segmentation(predicted, truth, classes=CLASSES)
    assert len(metrics.image_metrics) == 1
    assert (
        metrics.to_dict() == evaluate_semantic_segmentation([predicted], [truth], classes=CLASSES).to_dict()
    )
    assert len(evaluate_semantic_segmentation(np.array(PREDICTED), np.array(TRUTH)).image_metrics) == 2
    with pytest.raises(
        DataError, match=r"^image 0: predicted must be an array \(H, W\), got the shape \(2,\)"
    ):
        evaluate_semantic_segmentation(PREDICTED[0], TRUTH[0])


def test_labels_have_their_classes():
    predicted = [LabelArray(labels, CLASSES) for labels in PREDICTED]
    metrics = evaluate_semantic_segmentation(predicted, TRUTH, metrics=COUNTED)
    assert metrics.to_dict() == evaluate().to_dict()
    message = "evaluate_semantic_segmentation: predicted and truth must have the same classes"
    with pytest.raises(DataError, match=f"^{message}"):
        evaluate_semantic_segmentation(predicted, [LabelArray(labels, CLASSES[::-1]) for labels in TRUTH])
    mixed = [predicted[0], LabelArray(PREDICTED[1], CLASSES[::-1])]
    with pytest.raises(
        DataError, match=r"^image 1: predicted: this image and the set must have the same classes"
    ):
        evaluate_semantic_segmentation(mixed, TRUTH)


def test_a_set_of_masks_is_refused():
    masks = [np.array([[0, 255], [0, 0]], np.uint8), np.array([[255, 255], [0, 0]], np.uint8)]
    nothing = [np.zeros((2, 2), np.uint8)] * 2
    with pytest.raises(
        DataError,
        match=r"^evaluate_semantic_segmentation: truth must hold class indices, got 0 and 255 alone",
    ):
        evaluate_semantic_segmentation(nothing, masks, classes=["background", "cell"])
    with pytest.raises(
        DataError, match=r": predicted must hold class indices, got 0 and 255 alone, as a mask"
    ):
        evaluate_semantic_segmentation(masks, nothing, classes=["background", "cell"])
    # one of several images may hold only the first class
    metrics = evaluate_semantic_segmentation(nothing, [masks[0], np.array([[1, 1], [0, 0]])])
    assert metrics.confusion_matrix.tolist() == [[5, 0], [2, 0]]


@pytest.mark.parametrize("labels", [None, 3, "folder", Path("folder")])
def test_invalid_sets_of_labels(labels):
    message = (
        "evaluate_semantic_segmentation: truth must be a datastore of labels or a sequence of arrays, got an "
        f"object of type {type(labels).__name__}"
    )
    with pytest.raises(WrongTypeError, match=f"^{re.escape(message)}$"):
        evaluate_semantic_segmentation(PREDICTED, labels)


@pytest.mark.parametrize("label", [300, -1])
def test_labels_that_no_class_can_have(label):
    message = f"image 0: predicted must hold class indices from 0 to 254, or 255 (unlabeled), got {label}"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        evaluate_semantic_segmentation([[[label]]], [[[0]]])


def test_masks_are_refused_without_class_names_too():
    mask = np.array([[0, 255], [0, 0]], np.uint8)
    with pytest.raises(DataError, match="truth must hold class indices, got 0 and 255 alone, as a mask has"):
        evaluate_semantic_segmentation([np.zeros((2, 2), np.uint8)], [mask], metrics="iou")


def test_images_without_pixels():
    with pytest.raises(DataError, match=r"^image 0: truth must have pixels, got the shape \(0, 3\)$"):
        evaluate_semantic_segmentation([np.ones((1, 3), int)], [np.ones((0, 3), int)])


def test_only_the_worst_images_are_read():
    class Images(list):
        read = ()

        def __getitem__(self, index):
            self.read += (index,)
            return super().__getitem__(index)

    truth = [np.eye(20, dtype=int)] * 30
    # the first ones are worst: each has one right pixel more than the one before
    predicted = [
        np.where(np.arange(400).reshape(20, 20) < 10 * number, truth[0], 255) for number in range(30)
    ]
    images = Images(np.full((20, 20, 3), number, np.uint8) for number in range(30))
    metrics = evaluate_semantic_segmentation(predicted, truth, images=images, metrics="iou")
    assert [image.position for image in metrics.worst_images] == [*range(8)]
    assert images.read == tuple(range(8))
    assert metrics.worst_images[3].picture.tolist() == images[3].tolist()
    with pytest.raises(
        DataError, match=r"images must hold one image per true one \(30\), in the same order, got 1"
    ):
        evaluate_semantic_segmentation(predicted, truth, images=images[:1], metrics="iou")
    message = r"^image 0: the image must have the size of the truth \(20×20\), got 4×4$"
    with pytest.raises(DataError, match=message):
        evaluate_semantic_segmentation(predicted, truth, images=[np.zeros((4, 4))] * 30, metrics="iou")
