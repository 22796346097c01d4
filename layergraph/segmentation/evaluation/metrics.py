"""The result of an evaluation: confusion matrices and metric tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.tables import Table


# eq=False: a generated comparison would ask for the truth value of arrays, which raises
@dataclass(frozen=True, eq=False, repr=False)
class SemanticSegmentationMetrics:
    """The result of :func:`evaluate_semantic_segmentation`; print it for a summary.

    ``confusion_matrix``: int64 (M, M), pixels of true class i (row) predicted as class j (column).
    ``unlabeled_predictions``: int64 (M,), pixels of true class i predicted as unlabeled; they are wrong,
    and part of the row totals, but of no column. ``normalized_confusion_matrix``: float64 (M, M), rows
    divided by the pixels of their true class. ``data_set_metrics``: a table of one row.
    ``class_metrics``: one row per class. ``image_metrics``: one row per image. Values of 0/0 are NaN.
    Source: MATLAB, semanticSegmentationMetrics.
    """

    classes: tuple[str, ...]
    confusion_matrix: NDArray[np.int64]
    unlabeled_predictions: NDArray[np.int64]
    normalized_confusion_matrix: NDArray[np.float64]
    data_set_metrics: Table
    class_metrics: Table
    image_metrics: Table

    def to_dict(self) -> dict[str, Any]:
        """All values as plain lists, dictionaries and numbers for ``json.dumps``; NaN becomes None."""
        return {
            "classes": list(self.classes),
            "confusion_matrix": self.confusion_matrix.tolist(),
            "unlabeled_predictions": self.unlabeled_predictions.tolist(),
            "normalized_confusion_matrix": [
                [_plain(value) for value in row] for row in self.normalized_confusion_matrix.tolist()
            ],
            "data_set_metrics": _records(self.data_set_metrics)[0],
            "class_metrics": _records(self.class_metrics),
            "image_metrics": _records(self.image_metrics),
        }

    def image_summary(self) -> Table:
        """Lowest, median, mean and highest value of each image metric, and the first image with the lowest.

        The row of a metric omits images where the metric is NaN; if it is NaN for all images, the row
        holds NaN and no image.
        """
        # the first column holds the names of the images
        names = self.image_metrics.columns[1:]
        rows = [_spread(self.image_metrics[name], self.image_metrics.name) for name in names]
        heads = ("lowest", "median", "mean", "highest", "lowest_image")
        columns = {head: [row[i] for row in rows] for i, head in enumerate(heads)}
        return Table({"metric": names, **columns})

    def __str__(self) -> str:
        parts = (f"{title}\n\n{_indent(str(table))}" for title, table in self._parts())
        return "\n\n".join([self._heading(), *parts])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = (f"<h4>{title}</h4>\n{table._repr_html_()}" for title, table in self._parts())
        return "\n".join([f"<p>{self._heading()}</p>", *parts])

    def _heading(self) -> str:
        pixels = int(self.confusion_matrix.sum() + self.unlabeled_predictions.sum())
        counts = [
            (len(self.image_metrics), "image"),
            (len(self.classes), "class"),
            (pixels, "labeled pixel"),
        ]
        return "Semantic segmentation metrics of " + ", ".join(_count(*count) for count in counts)

    def _parts(self) -> list[tuple[str, Table]]:
        parts = [("Data set", self.data_set_metrics), ("Classes", self.class_metrics)]
        return [*parts, ("Images", self.image_summary())]


def _count(number: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def _indent(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def _spread(values: NDArray[np.float64], names: NDArray[Any]) -> tuple[Any, ...]:
    is_known = ~np.isnan(values)
    if not is_known.any():
        return (math.nan,) * 4 + ("",)
    # argmin of all values, not of the known ones, so that the index is that of the image
    known, lowest = values[is_known], np.nanargmin(values)
    return values[lowest], np.median(known), known.mean(), known.max(), names[lowest]


def _records(table: Table) -> list[dict[str, Any]]:
    return [{name: _plain(cell) for name, cell in row.items()} for row in table.to_records()]


def _plain(cell: Any) -> Any:
    # json.dumps would write NaN, which is no JSON
    return None if isinstance(cell, float) and math.isnan(cell) else cell
