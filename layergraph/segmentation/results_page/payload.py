"""The data of the page of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from layergraph.data.class_colors import distinct_colors
from layergraph.segmentation.evaluation.metric_tables import plain
from layergraph.segmentation.evaluation.metric_values import MetricValues
from layergraph.segmentation.results_page.data_urls import error_url, label_url, picture_url
from layergraph.wording import visible

_TITLES = {
    "global_accuracy": "Global accuracy",
    "mean_accuracy": "Mean accuracy",
    "mean_iou": "Mean IoU",
    "weighted_iou": "Weighted IoU",
    "mean_bf_score": "Mean boundary score",
    "accuracy": "Accuracy",
    "iou": "IoU",
}


def payload(metrics: MetricValues) -> dict[str, Any]:
    """The data of the page, as plain values for JSON; NaN is None."""
    colors = distinct_colors(len(metrics.classes))
    baseline = metrics.baseline
    intervals = [*metrics.bootstrap()]
    wide, narrow = metrics.columns
    # the rows of the data set come first, then those of each metric of the classes
    totals, classes = intervals[: len(wide)], intervals[len(wide) :]
    size = len(metrics.classes)
    of_class = {name: classes[i * size : (i + 1) * size] for i, name in enumerate(narrow)}
    pixels = metrics.images.pixels[:, 1].sum(axis=0).tolist()
    return {
        "counts": [len(metrics.images), len(metrics.classes), metrics.num_pixels],
        "largest": visible(metrics.largest_class),
        "classes": [visible(name) for name in metrics.classes],
        "colors": ["#" + bytes(color).hex() for color in colors],
        "pixels": pixels,
        "totals": [
            {"title": _TITLES[row["metric"]], **_value(row, baseline.data_set_metrics[0][row["metric"]])}
            for row in totals
        ],
        "class_metrics": [
            {
                "title": _TITLES[name],
                "values": [
                    _value(row, other)
                    for row, other in zip(of_class[name], baseline.class_metrics[name].tolist(), strict=True)
                ],
            }
            for name in narrow
        ],
        "matrix": metrics.confusion_matrix.tolist(),
        "unlabeled": metrics.unlabeled_predictions.tolist(),
        "image_names": [visible(name) for name in metrics.image_metrics.name],
        "image_metrics": [
            {
                "title": _TITLES[name],
                "values": _rounded(metrics.image_metrics[name]),
                "baseline": _rounded(baseline.image_metrics[name]),
            }
            for name in wide
        ],
        "worst": _worst(metrics, [tuple(color) for color in colors.tolist()]),
    }


def _worst(metrics: MetricValues, colors: Sequence[tuple[int, ...]]) -> list[dict[str, Any]]:
    names = metrics.images.shown_names()
    return [
        {
            "name": visible(names[image.position]),
            "iou": image.mean_iou,
            "width": image.truth.shape[1],
            "height": image.truth.shape[0],
            "image": None if image.picture is None else picture_url(image.picture),
            "truth": label_url(image.truth, colors),
            "predicted": label_url(image.predicted, colors),
            "errors": error_url(image.truth, image.predicted),
            # those in the picture, for its legend
            "classes": np.unique(np.concatenate([image.truth.ravel(), image.predicted.ravel()])).tolist(),
        }
        for image in metrics.worst_images
    ]


def _value(row: dict[str, Any], baseline: float) -> dict[str, Any]:
    return {
        **{key: plain(row[key]) for key in ("value", "lower", "upper")},
        "baseline": plain(float(baseline)),
    }


def _rounded(values: Any) -> list[float | None]:
    # a page of 10,000 images would grow by half with all digits
    return [plain(round(value, 5)) for value in values.tolist()]
