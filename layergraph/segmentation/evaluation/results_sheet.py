"""A picture of the images with the lowest scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.errors import DataError, WrongTypeError
from layergraph.layers import arguments
from layergraph.segmentation.evaluation.counting import class_counts, count_pairs
from layergraph.segmentation.evaluation.label_stores import LabelStore, label_image, label_store, pair_order
from layergraph.segmentation.evaluation.metrics import SemanticSegmentationMetrics
from layergraph.segmentation.evaluation.scores import pixel_counts
from layergraph.segmentation.evaluation.worst_images import reduced
from layergraph.segmentation.image_batches import ImageStore, image_at
from layergraph.segmentation.pictures.colors import class_colors
from layergraph.segmentation.pictures.overlay import labeloverlay
from layergraph.segmentation.pictures.picture_rows import draw_rows
from layergraph.segmentation.pictures.rgb_image import rgb_bytes
from layergraph.segmentation.pictures.wrong_pixels import ERROR_COLOR, wrong_pixels

_CALL = "results_sheet"
_TITLES = ("image", "truth", "predicted", "errors (red)")
_LONGEST_SIDE = 480  # pixels of a picture; four stand in a row


def results_sheet(
    images: ImageStore,
    truth: LabelStore,
    predicted: LabelStore,
    metrics: SemanticSegmentationMetrics,
    *,
    worst: int = 10,
    colormap: ArrayLike | None = None,
    transparency: float = 0.4,
    scale: int | None = None,
) -> NDArray[np.uint8]:
    """Draw a sheet of the images with the lowest mean IoU, the lowest first.

    Each row has the name and mean IoU of an image above it, and shows the image, the true labels over it, the
    predicted labels, and the labeled pixels that are predicted wrong, in red; a legend shows the classes.

    Args:
        images, truth, predicted: datastores, or sequences of arrays, as in
            :func:`evaluate_semantic_segmentation`; datastores are paired by the names of their files. Only
            the images that are drawn are read.
        metrics: the result of ``evaluate_semantic_segmentation(predicted, truth)``.
        worst: the number of images. Images without labeled pixels have no IoU and are left out.
        colormap, transparency, scale: those of :func:`overlay_sheet`. Of images with a side of more than 480
            pixels, every second, third, ... pixel is drawn.

    Returns:
        uint8 RGB (height, width, 3).

    Raises:
        DataError: the metrics are those of other labels, sizes differ, there is no image with labeled pixels,
            or an image is no gray or RGB image (:func:`rgb_image`).
        WrongTypeError: ``metrics`` are no metrics.
        ArgumentError: numbers out of range, or fewer colors than classes.

    >>> from layergraph.segmentation import evaluate_semantic_segmentation
    >>> truth, predicted = [np.eye(32, dtype=int)], [np.zeros((32, 32), int)]
    >>> metrics = evaluate_semantic_segmentation(predicted, truth, classes=["background", "line"])
    >>> results_sheet([np.zeros((32, 32))], truth, predicted, metrics).shape[2]
    3
    """
    count = arguments.whole(_CALL, "worst", worst)
    if not isinstance(metrics, SemanticSegmentationMetrics):
        raise WrongTypeError(
            f"{_CALL}: metrics must be those of evaluate_semantic_segmentation(predicted, truth), got an "
            f"object of type {type(metrics).__name__}"
        )
    truth, predicted = label_store(truth, f"{_CALL}: truth"), label_store(predicted, f"{_CALL}: predicted")
    if len(truth) != len(metrics.images):
        raise DataError(
            f"{_CALL}: metrics must be those of truth and predicted, got metrics of {len(metrics.images)} "
            f"images and {len(truth)} true label images"
        )
    order = pair_order(_CALL, "predicted", predicted, truth, "name", "label image")
    image_order = pair_order(_CALL, "images", images, truth, "name", "image")
    mean_iou = metrics.image_metrics.mean_iou if "iou" in metrics.metrics else None
    if mean_iou is None:
        raise DataError(f"{_CALL}: metrics must have the IoU, got {metrics.metrics}; give metrics='iou'")
    colors = class_colors(colormap, len(metrics.classes), f"{_CALL}: colormap")
    rows, captions = [], []
    # NaN is sorted last
    for index in [int(i) for i in np.argsort(mean_iou, kind="stable") if not np.isnan(mean_iou[i])][:count]:
        name = metrics.images.shown_names()[index]
        place = f"{_CALL}: image {name}"
        true = label_image(truth[index], metrics.classes, f"{place}: truth")
        found = label_image(predicted[order[index]], metrics.classes, f"{place}: predicted")
        _check_counts(true, found, metrics, index, place)
        image = rgb_bytes(image_at(images, image_order[index], f"{place}: the image"), f"{place}: the image")
        if image.shape[:2] != true.shape:
            raise DataError(
                f"{place}: image and labels must have the same height and width, got {image.shape[:2]} and "
                f"{true.shape}"
            )
        rows.append(_row(image, true, found, metrics.classes, colors, transparency))
        captions.append(f"{len(rows)}.  {name}   mean IoU {mean_iou[index]:.3f}")
    if not rows:
        raise DataError(f"{_CALL}: truth must have labeled pixels, got none")
    return draw_rows(_CALL, rows, _TITLES, metrics.classes, colors, scale, captions)


def _check_counts(
    true: NDArray[Any], found: NDArray[Any], metrics: SemanticSegmentationMetrics, index: int, place: str
) -> None:
    """Raise if the metrics of the image are those of other labels, whose IoU would stand above it."""
    size = len(metrics.classes)
    pairs = count_pairs(found, true, size, place)
    counts = pixel_counts(class_counts(pairs, size, unlabeled_column=True))
    if not np.array_equal(counts, metrics.images.pixels[index]):
        raise DataError(
            f"{place}: metrics must be those of truth and predicted, got those of other labels; give "
            "evaluate_semantic_segmentation(predicted, truth)"
        )


def _row(
    image: NDArray[np.uint8],
    true: NDArray[Any],
    found: NDArray[Any],
    classes: tuple[str, ...],
    colors: NDArray[np.uint8],
    transparency: float,
) -> list[NDArray[np.uint8]]:
    picture = reduced(image, _LONGEST_SIDE)
    true, found = (reduced(labels.astype(np.uint8), _LONGEST_SIDE) for labels in (true, found))
    overlays = [
        labeloverlay(picture, labels, colormap=colors, transparency=transparency, classes=classes)
        for labels in (true, found)
    ]
    # dark and gray, so that red is clear on every image
    errors = (picture.mean(axis=2, keepdims=True) * 0.6).astype(np.uint8).repeat(3, axis=2)
    errors[wrong_pixels(true, found)] = ERROR_COLOR
    return [picture, *overlays, errors]
