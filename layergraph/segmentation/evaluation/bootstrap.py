"""Bootstrap intervals of metrics: how much they would vary with other images of the same kind."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from layergraph.layers import arguments
from layergraph.segmentation.evaluation.evaluated_images import EvaluatedImages
from layergraph.tables import Table

_MOST_WEIGHTS = 10**7  # numbers of the weights at a time, 80 MB


def bootstrap_intervals(
    images: EvaluatedImages,
    classes: tuple[str, ...],
    columns: tuple[list[str], list[str]],
    level: float,
    num_samples: int,
    seed: int,
) -> Table:
    """Intervals of the metrics of a set and its classes, ``columns``; :meth:`bootstrap` has the rest."""
    call = "SemanticSegmentationMetrics.bootstrap"
    level = arguments.number(call, "level", level, 0, 1)
    num_samples = arguments.whole(call, "num_samples", num_samples)
    seed = arguments.whole(call, "seed", seed, 0)
    values = _columns(images, np.ones((1, len(images))), columns)[0]
    lower = upper = np.full(len(values), math.nan)
    # one image has no spread: every sample is that image, and its interval would claim certainty
    if len(images) > 1:
        samples = _samples(images, columns, num_samples, seed)
        lower, upper = (_quantile(samples, (1 + sign * level) / 2) for sign in (-1, 1))
    # the rows of the data set have no class
    metrics = [*columns[0], *(name for name in columns[1] for _ in classes)]
    owners = [*[""] * len(columns[0]), *classes * len(columns[1])]
    return Table({"metric": metrics, "name": owners, "value": values, "lower": lower, "upper": upper})


def _samples(
    images: EvaluatedImages, columns: tuple[list[str], list[str]], num_samples: int, seed: int
) -> NDArray[np.float64]:
    """The metrics (num_samples, K) of sets of N images drawn from the N images with replacement."""
    random = np.random.default_rng(seed)
    count = len(images)
    step = max(1, _MOST_WEIGHTS // count)
    parts = []
    # all samples at once as one product of matrices, in parts so that the memory is bounded
    for start in range(0, num_samples, step):
        size = min(step, num_samples - start)
        weights = random.multinomial(count, np.full(count, 1 / count), size).astype(np.float64)
        parts.append(_columns(images, weights, columns))
    return np.concatenate(parts)


def _columns(
    images: EvaluatedImages, weights: NDArray[np.float64], columns: tuple[list[str], list[str]]
) -> NDArray[np.float64]:
    of_set, of_classes = images.set_values(weights)
    return np.column_stack(
        [*(of_set[name] for name in columns[0]), *(of_classes[name] for name in columns[1])]
    )


def _quantile(samples: NDArray[np.float64], part: float) -> NDArray[np.float64]:
    # np.nanquantile warns for a class that occurs in no sample
    known = (column[~np.isnan(column)] for column in samples.T)
    return np.array([np.quantile(column, part) if column.size else math.nan for column in known])
