"""The values of an evaluation: counts, and the tables that come from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from layergraph.segmentation.evaluation.bootstrap import bootstrap_intervals
from layergraph.segmentation.evaluation.confusion import normalized_confusion_matrix
from layergraph.segmentation.evaluation.evaluated_images import EvaluatedImages
from layergraph.segmentation.evaluation.metric_names import table_columns
from layergraph.segmentation.evaluation.worst_images import WorstImage
from layergraph.tables import Table


# eq=False: a generated comparison would ask for the truth value of arrays, which raises
@dataclass(frozen=True, eq=False, repr=False)
class MetricValues:
    """The attributes of :class:`SemanticSegmentationMetrics`, which adds their forms for readers."""

    classes: tuple[str, ...]
    metrics: tuple[str, ...]
    confusion_matrix: NDArray[np.int64]
    unlabeled_predictions: NDArray[np.int64]
    images: EvaluatedImages
    worst_images: tuple[WorstImage, ...]

    @property
    def columns(self) -> tuple[list[str], list[str]]:
        """The columns of the data set and the images, and those of the classes."""
        return table_columns(self.metrics)

    @property
    def largest_class(self) -> str:
        """The class with the most true pixels, which the baseline always predicts."""
        return self.classes[self.images.largest_class()]

    @property
    def num_pixels(self) -> int:
        """The number of pixels that are labeled in the truth."""
        return int(self.confusion_matrix.sum() + self.unlabeled_predictions.sum())

    @property
    def normalized_confusion_matrix(self) -> NDArray[np.float64]:
        return normalized_confusion_matrix(
            np.column_stack([self.confusion_matrix, self.unlabeled_predictions])
        )

    @cached_property
    def data_set_metrics(self) -> Table:
        values, _ = self.images.set_values(np.ones((1, len(self.images))))
        return Table({name: values[name] for name in self.columns[0]})

    @cached_property
    def class_metrics(self) -> Table:
        _, values = self.images.set_values(np.ones((1, len(self.images))))
        return Table({"name": self.classes, **{name: values[name][0] for name in self.columns[1]}})

    @cached_property
    def image_metrics(self) -> Table:
        values = self.images.image_values()
        names = self.images.shown_names()
        return Table({"name": names, **{name: values[name] for name in self.columns[0]}})

    @cached_property
    def baseline(self) -> Self:
        """The metrics of the prediction that every pixel is of the class with the most true pixels."""
        largest = self.images.largest_class()
        matrix = np.zeros_like(self.confusion_matrix)
        matrix[:, largest] = self.images.pixels[:, 1].sum(axis=0)
        nothing = np.zeros_like(self.unlabeled_predictions)
        images = self.images.predicted_as(largest)
        return type(self)(self.classes, self.metrics, matrix, nothing, images, ())

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
        return bootstrap_intervals(self.images, self.classes, self.columns, level, num_samples, seed)
