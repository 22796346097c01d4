"""Compare predicted label images with the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import DataError, LayergraphError, WrongTypeError, did_you_mean
from layergraph.labels import UNLABELLED
from layergraph.progress import with_progress
from layergraph.segmentation.confusion import (
    ConfusionMetrics,
    confusion_metrics,
    normalized_confusion_matrix,
    segmentation_confusion_matrix,
)
from layergraph.segmentation.results import SemanticSegmentationMetrics
from layergraph.tables import Table

# for each metric to ask for: its column in the data set and image tables, its column in the class table
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
    verbose: bool = True,
) -> SemanticSegmentationMetrics:
    """Compare predicted label images with the true ones, pair by pair in their order.

    ``predicted`` and ``truth`` are pixel label datastores, or sequences of (H, W) integer arrays with
    class indices or 255 (unlabelled). Class names come from the datastores or from ``classes``; with
    neither, they are C1, C2, ... up to the highest label found. Pixels unlabelled in the truth are skipped;
    pixels predicted as unlabelled are wrong for their class. Images are read one at a time.

    ``metrics`` is ``"all"`` or some of ``"global-accuracy"``, ``"accuracy"``, ``"iou"``,
    ``"weighted-iou"``. Formulas: :func:`confusion_metrics`, applied to the confusion matrix of the data
    set and to that of each image. Means run over the classes that have a value: a class that occurs
    nowhere (in the data set, or in that image) is NaN in the table and not part of the mean.
    ``verbose`` shows a progress bar on stderr where that is a terminal.

    Raises DataError for different numbers of images, different class names, a pair of different sizes,
    labels outside the classes and unknown metrics, WrongTypeError for arrays that are not of
    integers. Source: MATLAB, evaluateSemanticSegmentation.

    >>> predicted = [[[0, 0], [1, 1]], [[1, 1], [1, 0]]]
    >>> truth = [[[0, 1], [1, 1]], [[1, 1], [1, 1]]]
    >>> found = evaluate_semantic_segmentation(predicted, truth, classes=["triangle", "background"])
    >>> print(found.class_metrics)
    name          accuracy      iou
    ----------  ----------  -------
    triangle       1        0.33333
    background     0.71429  0.71429
    >>> found.data_set_metrics.global_accuracy
    (0.75,)
    """
    chosen = _chosen(metrics)
    if len(predicted) != len(truth):
        raise DataError(
            f"there are {len(predicted)} predicted label images and {len(truth)} true ones; "
            "give one prediction for each true image, in the same order"
        )
    if not len(truth):
        raise DataError("there are no label images to compare")
    names = _class_names(predicted, truth, classes)
    size = len(names)
    total = np.zeros((size, size + 1), np.int64)
    images: list[ConfusionMetrics] = []
    for index in with_progress(range(len(truth)), "Evaluating", len(truth), shown=verbose):
        try:
            counts = segmentation_confusion_matrix(
                predicted[index], truth[index], size, unlabelled_column=True
            )
        except LayergraphError as error:
            raise type(error)(f"{_pair(predicted, truth, index)}: {error}") from None
        total += counts
        images.append(confusion_metrics(counts))
    whole = confusion_metrics(total)
    image_names = [
        _name(truth, index) or _name(predicted, index) or str(index) for index in range(len(truth))
    ]
    wide, narrow = zip(*(_COLUMNS[metric] for metric in chosen), strict=True)
    return SemanticSegmentationMetrics(
        classes=names,
        confusion_matrix=total[:, :size].copy(),
        unlabelled_predictions=total[:, size].copy(),
        normalized_confusion_matrix=normalized_confusion_matrix(total),
        data_set_metrics=Table({column: [getattr(whole, column)] for column in wide}),
        class_metrics=Table(
            {"name": names, **{column: getattr(whole, column).tolist() for column in narrow if column}}
        ),
        image_metrics=Table(
            {"name": image_names, **{column: [getattr(image, column) for image in images] for column in wide}}
        ),
    )


def _chosen(metrics: str | Iterable[str]) -> list[str]:
    wanted = list(_COLUMNS) if metrics == "all" else [metrics] if isinstance(metrics, str) else list(metrics)
    for metric in wanted:
        if metric not in _COLUMNS:
            raise DataError(f"unknown metric {metric!r}{did_you_mean(metric, _COLUMNS)}")
    if not wanted:
        raise DataError(f"no metric is asked for{did_you_mean('', _COLUMNS)}")
    return [metric for metric in _COLUMNS if metric in wanted]


def _class_names(predicted: LabelStore, truth: LabelStore, classes: Sequence[str] | None) -> tuple[str, ...]:
    """The one list of class names that all who name classes agree on."""
    if isinstance(classes, str):
        raise WrongTypeError(f"classes is a sequence of class names, got {classes!r}")
    given = {
        "the predictions": getattr(predicted, "classes", None),
        "the truth": getattr(truth, "classes", None),
        "the argument classes": classes,
    }
    known = [(who, tuple(map(str, names))) for who, names in given.items() if names is not None]
    if not known:
        highest = (_highest(store[index]) for store in (predicted, truth) for index in range(len(store)))
        return tuple(f"C{number}" for number in range(1, max(highest) + 2))
    for who, names in known[1:]:
        if names != known[0][1]:
            raise DataError(
                f"{known[0][0]} and {who} must have the same classes in the same order, "
                f"got {_listed(known[0][1])} and {_listed(names)}"
            )
    return known[0][1]


def _listed(names: tuple[str, ...]) -> str:
    return f"({', '.join(names)})"


def _highest(labels: Any) -> int:
    array: NDArray[Any] = np.asarray(labels)
    return int(array.max(initial=0, where=array != UNLABELLED))


def _name(store: LabelStore, index: int) -> str | None:
    files = getattr(store, "files", None)
    return None if files is None else str(files[index].name)


def _pair(predicted: LabelStore, truth: LabelStore, index: int) -> str:
    stores = (getattr(store, "files", None) for store in (predicted, truth))
    paths = [str(files[index]) for files in stores if files is not None]
    return f"image {index} ({' and '.join(paths)})" if paths else f"image {index}"
