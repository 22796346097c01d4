"""The bar chart of class frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.errors import DataError, MissingExtraError
from layergraph.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def label_frequency_chart(counts: Table, axes: Axes | None = None) -> Axes:
    """Draw the share of each class in all labeled pixels as a bar: the lecture's chart of frequencies.

    Args:
        counts: a table from ``count_each_label``, of pixels or of images.
        axes: the axes of matplotlib to draw in; by default those of a new figure, which no window shows and
            ``axes.figure.savefig("frequency.png")`` writes.

    Returns:
        The axes, with the class names at their bars and the label "Frequency".

    Raises:
        DataError: nothing was counted.
        MissingExtraError: matplotlib is not installed.

    >>> counts = Table({"name": ["sky", "road"], "pixel_count": [30, 10], "image_pixel_count": [40, 40]})
    >>> [float(bar.get_height()) for bar in label_frequency_chart(counts).patches]
    [0.75, 0.25]
    """
    numbers = counts.pixel_count if "pixel_count" in counts.columns else counts["count"]
    names = counts.name if "name" in counts.columns else counts.label
    total = numbers.sum()
    if total == 0:
        raise DataError("label_frequency_chart: counts must have pixels, got none; check the label ids")
    try:
        # not pyplot, which opens windows and keeps every figure in memory
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(
            "label_frequency_chart needs the package matplotlib, which is not installed: "
            'pip install "layergraph[train]"'
        ) from None
    if axes is None:
        figure = Figure(figsize=(max(4.0, 0.45 * len(counts) + 1.5), 4), layout="constrained")
        axes = figure.add_subplot()
    positions = range(len(counts))
    axes.bar(positions, numbers / total)
    # anchored at its end, a turned name points to its own bar; $ would start a formula
    axes.set_xticks(
        positions,
        [str(name).replace("$", r"\$") for name in names],
        rotation=45,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set_ylabel("Frequency")
    return axes
