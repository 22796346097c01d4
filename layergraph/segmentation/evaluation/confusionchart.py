"""The confusion matrix as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from layergraph.axes import axes_texts, new_axes
from layergraph.layers import arguments
from layergraph.segmentation.evaluation.metrics import SemanticSegmentationMetrics
from layergraph.wording import short_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NUMBERS = 24  # classes; the numbers of more would overlap
_LONGEST_NAME = 24  # characters


def confusionchart(
    metrics: SemanticSegmentationMetrics,
    *,
    normalization: Literal["absolute", "row-normalized"] = "row-normalized",
    ax: Axes | None = None,
) -> Axes:
    """Draw the confusion matrix: a row for each true class, a column for each predicted one.

    Args:
        metrics: the result of :func:`evaluate_semantic_segmentation`.
        normalization: ``"row-normalized"`` writes the percentage of the pixels of the true class, and nothing
            in the row of a class without pixels; ``"absolute"`` the number of pixels. The color is that of
            the percentage in both.
        ax: the axes of matplotlib to draw in; by default those of a new figure, which no window shows and
            ``ax.figure.savefig("confusion.png")`` writes.

    Returns:
        The axes.

    Raises:
        ArgumentError: an unknown normalization.
        MissingExtraError: matplotlib is not installed.

    Source: MATLAB, confusionchart.

    >>> from layergraph.segmentation import evaluate_semantic_segmentation
    >>> metrics = evaluate_semantic_segmentation([[[0, 1, 1]]], [[[0, 0, 1]]], classes=["sky", "road"])
    >>> [text.get_text() for text in confusionchart(metrics).texts]
    ['50.0', '50.0', '0.0', '100.0']
    """
    choices = ("absolute", "row-normalized")
    form = arguments.choice("confusionchart", "normalization", normalization, choices)
    size = len(metrics.classes)
    if ax is None:
        side = 1.8 + 0.55 * min(size, 40)
        ax = new_axes("confusionchart", side + 1, side)
    parts = metrics.normalized_confusion_matrix
    # the counts of a large class would hide all others, so the color is the part in both forms
    ax.imshow(np.ma.masked_invalid(parts), cmap="Blues", vmin=0, vmax=1)
    ax.set_facecolor("0.92")  # of rows without pixels
    if size <= _MOST_NUMBERS:
        for (row, column), part in np.ndenumerate(parts):
            count = int(metrics.confusion_matrix[row, column])
            text = short_count(count) if form == "absolute" else f"{100 * part:.1f}"
            if not np.isnan(part):
                color = "white" if part > 0.55 else "black"
                ax.text(column, row, text, ha="center", va="center", color=color, fontsize=8)
    names, families = axes_texts("confusionchart", metrics.classes, _LONGEST_NAME)
    places = range(size)
    ax.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor", fontfamily=families)
    ax.set_yticks(places, names, fontfamily=families)
    ax.set_xlabel("Predicted class")
    ax.set_ylabel("True class")
    unit = "pixels" if form == "absolute" else "percent of the true class"
    ax.set_title(f"Confusion matrix ({unit})")
    return ax
