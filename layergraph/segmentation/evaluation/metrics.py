"""The result of an evaluation: confusion matrices and metric tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError
from layergraph.segmentation.evaluation.bootstrap import bootstrap_intervals
from layergraph.segmentation.evaluation.confusion import normalized_confusion_matrix
from layergraph.segmentation.evaluation.counting import common_classes
from layergraph.segmentation.evaluation.evaluated_images import EvaluatedImages
from layergraph.segmentation.evaluation.metric_names import table_columns
from layergraph.segmentation.evaluation.metric_tables import plain, records, spread_over_images
from layergraph.segmentation.evaluation.worst_images import WorstImage, worst
from layergraph.tables import Table
from layergraph.wording import listed


# eq=False: a generated comparison would ask for the truth value of arrays, which raises
@dataclass(frozen=True, eq=False, repr=False)
class SemanticSegmentationMetrics:
    """The result of :func:`evaluate_semantic_segmentation`; print it for a summary.

    ``confusion_matrix``: int64 (M, M), pixels of true class i (row) predicted as class j (column).
    ``unlabeled_predictions``: int64 (M,), pixels of true class i predicted as unlabeled; they are wrong,
    and part of the row totals, but of no column. ``normalized_confusion_matrix``: float64 (M, M), rows
    divided by the pixels of their true class. ``data_set_metrics``: a table of one row.
    ``class_metrics``: one row per class. ``image_metrics``: one row per image. Values of 0/0 are NaN.
    ``baseline``: the metrics of a network that always predicts the largest class.

    ``a + b`` are the metrics of both sets of images, as if evaluated in one call; so parts that several
    processes evaluate add up, ``sum(parts)``. The object can be pickled.
    Source: MATLAB, semanticSegmentationMetrics.
    """

    classes: tuple[str, ...]
    metrics: tuple[str, ...]
    confusion_matrix: NDArray[np.int64]
    unlabeled_predictions: NDArray[np.int64]
    images: EvaluatedImages
    worst_images: tuple[WorstImage, ...]

    @property
    def normalized_confusion_matrix(self) -> NDArray[np.float64]:
        return normalized_confusion_matrix(
            np.column_stack([self.confusion_matrix, self.unlabeled_predictions])
        )

    @cached_property
    def data_set_metrics(self) -> Table:
        values, _ = self.images.set_values(np.ones((1, len(self.images))))
        return Table({name: values[name] for name in self._columns[0]})

    @cached_property
    def class_metrics(self) -> Table:
        _, values = self.images.set_values(np.ones((1, len(self.images))))
        return Table({"name": self.classes, **{name: values[name][0] for name in self._columns[1]}})

    @cached_property
    def image_metrics(self) -> Table:
        values = self.images.image_values()
        names = self.images.shown_names()
        return Table({"name": names, **{name: values[name] for name in self._columns[0]}})

    @cached_property
    def baseline(self) -> SemanticSegmentationMetrics:
        """The metrics of the prediction that every pixel is of the class with the most true pixels."""
        largest = self.images.largest_class()
        matrix = np.zeros_like(self.confusion_matrix)
        matrix[:, largest] = self.images.pixels[:, 1].sum(axis=0)
        nothing = np.zeros_like(self.unlabeled_predictions)
        images = self.images.predicted_as(largest)
        return SemanticSegmentationMetrics(self.classes, self.metrics, matrix, nothing, images, ())

    def bootstrap(self, level: float = 0.95, *, num_samples: int = 1000, seed: int = 0) -> Table:
        """Bootstrap intervals of the metrics of the data set and the classes.

        Each of ``num_samples`` samples has as many images as the data set, drawn from it with replacement;
        the interval has the part ``level`` of the metrics of the samples in its middle (percentiles). It says
        how much a metric would vary with other images of the same kind, not with another training. Samples
        without a value are left out. Equal seeds give equal intervals.

        Returns a table with a row for each metric: metric, name of the class (empty for the data set), value,
        lower, upper; the bounds are NaN for a single image. Raises ArgumentError for arguments out of range.
        Source: Efron 1979, Bootstrap methods.
        """
        return bootstrap_intervals(self.images, self.classes, self._columns, level, num_samples, seed)

    def __add__(self, other: object) -> SemanticSegmentationMetrics:
        if not isinstance(other, SemanticSegmentationMetrics):
            return NotImplemented
        call = "SemanticSegmentationMetrics"
        common_classes({"the first part": self.classes, "the second part": other.classes}, call)
        if self.metrics != other.metrics:
            raise ArgumentError(
                f"{call}: both parts must have the same metrics, got {listed(self.metrics, 5)} and "
                f"{listed(other.metrics, 5)}"
            )
        shift = len(self.images)
        others = (image._replace(position=image.position + shift) for image in other.worst_images)
        return SemanticSegmentationMetrics(
            self.classes,
            self.metrics,
            self.confusion_matrix + other.confusion_matrix,
            self.unlabeled_predictions + other.unlabeled_predictions,
            self.images.joined(other.images),
            worst([*self.worst_images, *others]),
        )

    def __radd__(self, other: int) -> SemanticSegmentationMetrics:
        # sum() starts with 0
        return self if other == 0 else NotImplemented

    def to_dict(self) -> dict[str, Any]:
        """All values as plain lists, dictionaries and numbers for ``json.dumps``; NaN becomes None."""
        baseline = {"class": self.classes[self.images.largest_class()], **self.baseline._tables()}
        return {
            "classes": list(self.classes),
            "confusion_matrix": self.confusion_matrix.tolist(),
            "unlabeled_predictions": self.unlabeled_predictions.tolist(),
            "normalized_confusion_matrix": [
                [plain(value) for value in row] for row in self.normalized_confusion_matrix.tolist()
            ],
            **self._tables(),
            "baseline": baseline,
        }

    def image_summary(self) -> Table:
        """Lowest, median, mean and highest value of each image metric, and the first image with the lowest;
        beside them the mean of the baseline.

        The row of a metric omits images where the metric is NaN; if it is NaN for all images, the row
        holds NaN and no image.
        """
        return spread_over_images(self.image_metrics, self.baseline.image_metrics)

    def __str__(self) -> str:
        parts = (f"{title}\n\n{_indent(str(table))}" for title, table in self._parts())
        return "\n\n".join([self._heading(), *parts])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = (f"<h4>{title}</h4>\n{table._repr_html_()}" for title, table in self._parts())
        return "\n".join([f"<p>{self._heading()}</p>", *parts])

    @property
    def _columns(self) -> tuple[list[str], list[str]]:
        return table_columns(self.metrics)

    def _tables(self) -> dict[str, Any]:
        return {
            "data_set_metrics": records(self.data_set_metrics)[0],
            "class_metrics": records(self.class_metrics),
            "image_metrics": records(self.image_metrics),
        }

    def _heading(self) -> str:
        pixels = int(self.confusion_matrix.sum() + self.unlabeled_predictions.sum())
        counts = [
            (len(self.image_metrics), "image"),
            (len(self.classes), "class"),
            (pixels, "labeled pixel"),
        ]
        return "Semantic segmentation metrics of " + ", ".join(_count(*count) for count in counts)

    def _parts(self) -> list[tuple[str, Table]]:
        # the rows stand together, so that a score is never read without its baseline
        largest = self.classes[self.images.largest_class()]
        rows = [self.data_set_metrics[0], self.baseline.data_set_metrics[0]]
        heads = ["predicted", f"always {largest}"]
        columns = {name: [row[name] for row in rows] for name in self.data_set_metrics.columns}
        parts = [("Data set", Table({"": heads, **columns})), ("Classes", self.class_metrics)]
        return [*parts, ("Images", self.image_summary())]


def _count(number: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def _indent(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())
