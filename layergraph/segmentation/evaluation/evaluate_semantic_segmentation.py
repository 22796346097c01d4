"""Comparison of predicted label images with the truth."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from layergraph.data.class_indices import check_indices, class_indices
from layergraph.data.label_array import class_names_of
from layergraph.data.label_ids import class_names
from layergraph.data.pairing import partners
from layergraph.errors import ArgumentError, DataError, WrongTypeError, did_you_mean
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.progress import with_progress
from layergraph.segmentation.evaluation.confusion import (
    ConfusionMetrics,
    confusion_metrics,
    normalized_confusion_matrix,
)
from layergraph.segmentation.evaluation.counting import (
    class_counts,
    common_classes,
    count_pairs,
    refuse_masks,
)
from layergraph.segmentation.evaluation.metrics import SemanticSegmentationMetrics
from layergraph.tables import Table
from layergraph.wording import quoted, visible

_CALL = "evaluate_semantic_segmentation"

# per metric: its column in the tables of the data set and the images, and its column in the table of classes
_COLUMNS = {
    "global-accuracy": ("global_accuracy", None),
    "accuracy": ("mean_accuracy", "accuracy"),
    "iou": ("mean_iou", "iou"),
    "weighted-iou": ("weighted_iou", None),
}


class LabelStore(Protocol):
    """Label images by index: a pixel label datastore, a list of arrays, an array (N, H, W)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def evaluate_semantic_segmentation(
    predicted: LabelStore,
    truth: LabelStore,
    *,
    classes: Sequence[str] | None = None,
    metrics: str | Iterable[str] = "all",
    pair: Literal["name", "order"] = "name",
    verbose: bool = True,
) -> SemanticSegmentationMetrics:
    """Compare predicted label images with the true ones, pair by pair.

    ``predicted`` and ``truth`` are pixel label datastores, or sequences of (H, W) integer arrays with
    class indices or 255 (unlabeled), such as the results of :func:`semanticseg`; an array (H, W) is one
    image. Class names come from labels that know them or from ``classes``; with neither, they are C1, C2, ...
    up to the highest label. Pixels unlabeled in the truth are skipped; pixels predicted as unlabeled
    are wrong for their class. Images are read one at a time.

    Two datastores are paired by the names of their files: ``scan1.png`` belongs to ``scan1_mask.png`` and to
    ``pixelLabel_scan1.png`` (:func:`~layergraph.data.pairing.partners` has the rule). Names that have nothing
    in common are paired by their order, with a warning. ``pair="order"`` pairs datastores by order, as
    arrays always are. The results have the order of ``truth``.

    ``metrics`` is ``"all"`` or some of ``"global-accuracy"``, ``"accuracy"``, ``"iou"``,
    ``"weighted-iou"``. Formulas: :func:`confusion_metrics`, applied to the confusion matrix of the data
    set and to that of each image. Means run over the classes that have a value: a class that does not occur
    (in the data set, or in that image) is NaN in the table and not part of the mean.
    ``verbose`` shows a progress bar on stderr if stderr is a terminal.

    Raises DataError for different numbers of images, a file without a partner, different class names, a pair
    of different sizes, labels outside the classes and plain arrays that hold only 0 and 255 (masks),
    WrongTypeError for arrays that do not hold integers, ArgumentError for unknown metrics.
    Source: MATLAB, evaluateSemanticSegmentation.

    >>> predicted = [[[0, 0], [1, 1]], [[1, 1], [1, 0]]]
    >>> truth = [[[0, 1], [1, 1]], [[1, 1], [1, 1]]]
    >>> metrics = evaluate_semantic_segmentation(predicted, truth, classes=["triangle", "background"])
    >>> print(metrics.class_metrics)
    name          accuracy      iou
    ----------  ----------  -------
    triangle       1        0.33333
    background     0.71429  0.71429
    >>> metrics.data_set_metrics[0]["global_accuracy"]
    0.75
    """
    # arguments and pairs, before the first image is read
    names_of_metrics = _metric_names(metrics)
    predicted, truth = _store("predicted", predicted), _store("truth", truth)
    pair_by = arguments.choice(_CALL, "pair", pair, ("name", "order"))
    if not len(truth) and not len(predicted):
        raise DataError(f"{_CALL}: predicted and truth must hold one label image or more, got none")
    predicted_files, true_files = (getattr(store, "files", None) for store in (predicted, truth))
    # order[i] is the prediction of true image i
    order: Sequence[int] = range(len(truth))
    if pair_by == "name" and predicted_files and true_files:
        order = partners(true_files, predicted_files, _CALL)
    elif len(predicted) != len(truth):
        raise DataError(
            f"{_CALL}: predicted must hold one label image per true one ({len(truth)}), in the same order, "
            f"got {len(predicted)}"
        )
    names = _class_names(predicted, truth, classes)
    size = len(names)
    # all 256 labels, since the check for masks below needs those unlabeled in the truth
    all_pairs = np.zeros((UNLABELED + 1, UNLABELED + 1), np.int64)
    images: list[ConfusionMetrics] = []
    # image by image, so that memory holds one pair of images and a small table
    for index in with_progress(range(len(truth)), "Evaluating", len(truth), shown=verbose):
        predicted_file = predicted_files and predicted_files[order[index]]
        place = _image_name(index, predicted_file, true_files and true_files[index])
        predicted_labels = _labels(predicted[order[index]], names, f"{place}: predicted")
        true_labels = _labels(truth[index], names, f"{place}: truth")
        pairs = count_pairs(predicted_labels, true_labels, size, place)
        all_pairs += pairs
        images.append(confusion_metrics(class_counts(pairs, size, unlabeled_column=True)))
    # over all images: one image of 0 and 255 alone may be right, a whole set is of masks
    refuse_masks(all_pairs, size, predicted, truth, _CALL)
    # from the summed counts, not the mean of the images, in which small images would weigh as much
    total = class_counts(all_pairs, size, unlabeled_column=True)
    overall = confusion_metrics(total)
    # the truth gives the names, since its order is that of the results
    image_names = [str(index) for index in range(len(truth))]
    if true_files:
        image_names = [true_files[index].name for index in range(len(truth))]
    elif predicted_files:
        image_names = [predicted_files[order[index]].name for index in range(len(truth))]
    # metrics of all classes together have no column in the table of classes (None)
    wide, narrow = zip(*(_COLUMNS[metric] for metric in names_of_metrics), strict=True)
    return SemanticSegmentationMetrics(
        classes=names,
        confusion_matrix=total[:, :size].copy(),
        unlabeled_predictions=total[:, size].copy(),
        normalized_confusion_matrix=normalized_confusion_matrix(total),
        data_set_metrics=Table({column: [getattr(overall, column)] for column in wide}),
        class_metrics=Table(
            {"name": names, **{column: getattr(overall, column) for column in narrow if column}}
        ),
        image_metrics=Table(
            {"name": image_names, **{column: [getattr(image, column) for image in images] for column in wide}}
        ),
    )


def _metric_names(metrics: str | Iterable[str]) -> list[str]:
    if not isinstance(metrics, str | Iterable):
        raise WrongTypeError(f"{_CALL}: metrics must be names of metrics, got {quoted(metrics)}")
    # a string is iterable too: list("iou") would be three names
    wanted = list(_COLUMNS) if metrics == "all" else [metrics] if isinstance(metrics, str) else list(metrics)
    for metric in wanted:
        if metric not in _COLUMNS:
            advice = did_you_mean(str(metric), _COLUMNS)
            raise ArgumentError(f"{_CALL}: metrics must be names of metrics, got {quoted(metric)}{advice}")
    if not wanted:
        raise ArgumentError(
            f"{_CALL}: metrics must be names of metrics, got none{did_you_mean('', _COLUMNS)}"
        )
    # in the order of the table, whatever the order of the argument
    return [metric for metric in _COLUMNS if metric in wanted]


def _class_names(predicted: LabelStore, truth: LabelStore, classes: Sequence[str] | None) -> tuple[str, ...]:
    """The class names, which must be the same for predictions, truth and the argument ``classes``."""
    given = {
        "predicted": class_names_of(predicted),
        "truth": class_names_of(truth),
        "the argument classes": None if classes is None else class_names(classes, f"{_CALL}: classes"),
    }
    known = common_classes(given, _CALL)
    if known is None:
        # one more pass over all images: the matrices of all must have one size
        highest = max(
            _highest_index(store[index], f"image {index}: {argument}")
            for argument, store in (("predicted", predicted), ("truth", truth))
            for index in range(len(store))
        )
        return tuple(f"C{number}" for number in range(1, highest + 2))
    return known


def _store(argument: str, labels: Any) -> LabelStore:
    """Labels by index: a single image becomes a list with one item."""
    if getattr(labels, "ndim", None) == 2:
        return [labels]
    # a string has a length and items, but the path of a folder holds no labels
    if isinstance(labels, str | os.PathLike) or not (
        hasattr(labels, "__len__") and hasattr(labels, "__getitem__")
    ):
        raise WrongTypeError(
            f"{_CALL}: {argument} must be a datastore of labels or a sequence of arrays, got an object of "
            f"type {type(labels).__name__}"
        )
    store: LabelStore = labels
    return store


def _labels(labels: Any, classes: tuple[str, ...], owner: str) -> NDArray[Any]:
    """One label image of these classes."""
    array = class_indices(labels, owner)
    # one image as nested lists arrives here as a list of its rows
    if array.ndim < 2:
        raise DataError(
            f"{owner} must be an array (H, W), got the shape {array.shape}; give the images in a list"
        )
    # a list has the names of its first item only, so each further image is checked
    common_classes({"this image": class_names_of(labels), "the set": classes}, owner)
    return array


def _highest_index(labels: Any, owner: str) -> int:
    array = class_indices(labels, owner)
    # without class names, any label that is not unlabeled may be a class
    check_indices(array, UNLABELED, owner)
    return int(array.max(initial=0, where=array != UNLABELED))


def _image_name(index: int, *files: Path | None) -> str:
    paths = [visible(str(file)) for file in files if file]
    return f"image {index} ({' and '.join(paths)})" if paths else f"image {index}"
