"""Tables of metrics: their summary over images, and their rows for JSON."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.tables import Table


def spread_over_images(images: Table, baseline: Table) -> Table:
    """A row for each metric of a table of images: its spread, its worst image, and the mean of the baseline.

    >>> images, baseline = (Table({"name": ["a"], "mean_iou": [value]}) for value in (0.5, 0.2))
    >>> spread_over_images(images, baseline)
    metric      lowest    median    mean    highest    baseline_mean  lowest_image
    --------  --------  --------  ------  ---------  ---------------  --------------
    mean_iou       0.5       0.5     0.5        0.5              0.2  a
    """
    # the first column holds the names of the images
    metrics = images.columns[1:]
    rows = [(*_spread(images[name]), _spread(baseline[name])[2]) for name in metrics]
    heads = ("lowest", "median", "mean", "highest", "baseline_mean")
    columns: dict[str, Any] = {head: [row[i] for row in rows] for i, head in enumerate(heads)}
    return Table({"metric": metrics, **columns, "lowest_image": [_lowest(images, name) for name in metrics]})


def records(table: Table) -> list[dict[str, Any]]:
    """The rows for JSON, which has no NaN: it becomes None.

    >>> records(Table({"name": ["sky"], "iou": [float("nan")]}))
    [{'name': 'sky', 'iou': None}]
    """
    return [{name: plain(cell) for name, cell in row.items()} for row in table.to_records()]


def plain(cell: Any) -> Any:
    """A cell for JSON: None for NaN.

    >>> plain(0.5), plain(float("nan"))
    (0.5, None)
    """
    return None if isinstance(cell, float) and math.isnan(cell) else cell


def _spread(values: NDArray[np.float64]) -> tuple[float, float, float, float]:
    known = values[~np.isnan(values)]
    if not known.size:
        return (math.nan,) * 4
    return float(known.min()), float(np.median(known)), float(known.mean()), float(known.max())


def _lowest(images: Table, metric: str) -> str:
    values = images[metric]
    # of all values, not of the known ones, so that the index is that of the image
    return "" if np.isnan(values).all() else str(images.name[np.nanargmin(values)])
