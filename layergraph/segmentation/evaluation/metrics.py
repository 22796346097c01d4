"""The result of an evaluation, for readers: as text, HTML, JSON and a page."""

from __future__ import annotations

from typing import Any

from layergraph.errors import ArgumentError
from layergraph.segmentation.evaluation.counting import common_classes
from layergraph.segmentation.evaluation.metric_tables import plain, records, spread_over_images
from layergraph.segmentation.evaluation.metric_values import MetricValues
from layergraph.segmentation.evaluation.worst_images import worst
from layergraph.tables import Table
from layergraph.wording import listed


class SemanticSegmentationMetrics(MetricValues):
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
        baseline = {"class": self.largest_class, **self.baseline._tables()}
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

    def to_html(self, title: str = "Segmentation results") -> str:
        """A page in one file: totals, classes to sort, the confusion matrix, and the images with the lowest
        mean IoU, with their labels over them to switch on and off.

        It opens from disk and loads nothing. The pictures are those of ``images`` of
        :func:`evaluate_semantic_segmentation`, of at most 960 pixels; without them, only labels are shown.
        """
        from layergraph.segmentation.results_page.document import page

        return page(self, title)

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

    def _tables(self) -> dict[str, Any]:
        return {
            "data_set_metrics": records(self.data_set_metrics)[0],
            "class_metrics": records(self.class_metrics),
            "image_metrics": records(self.image_metrics),
        }

    def _heading(self) -> str:
        counts = [
            (len(self.image_metrics), "image"),
            (len(self.classes), "class"),
            (self.num_pixels, "labeled pixel"),
        ]
        return "Semantic segmentation metrics of " + ", ".join(_count(*count) for count in counts)

    def _parts(self) -> list[tuple[str, Table]]:
        # the rows stand together, so that a score is never read without its baseline
        rows = [self.data_set_metrics[0], self.baseline.data_set_metrics[0]]
        heads = ["predicted", f"always {self.largest_class}"]
        columns = {name: [row[name] for row in rows] for name in self.data_set_metrics.columns}
        parts = [("Data set", Table({"": heads, **columns})), ("Classes", self.class_metrics)]
        return [*parts, ("Images", self.image_summary())]


def _count(number: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{number:,} {noun if number == 1 else plural}"


def _indent(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())
