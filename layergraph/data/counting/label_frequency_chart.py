"""The bar chart of class frequencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.axes import axes_texts, new_axes
from layergraph.errors import DataError
from layergraph.tables import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CALL = "label_frequency_chart"
_LONGEST_NAME = 24  # characters; a longer name would leave no room for the bars


def label_frequency_chart(counts: Table, ax: Axes | None = None) -> Axes:
    """Draw the share of each class in all labeled pixels as a bar: the lecture's chart of frequencies.

    Args:
        counts: a table from ``count_each_label``, of pixels or of images.
        ax: the axes of matplotlib to draw in; by default those of a new figure, which no window shows and
            ``ax.figure.savefig("frequency.png")`` writes.

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
        raise DataError(f"{_CALL}: counts must have pixels, got none; check the label ids")
    if ax is None:
        ax = new_axes(_CALL, max(4.0, 0.45 * len(counts) + 1.5), 4)
    positions = range(len(counts))
    ax.bar(positions, numbers / total)
    texts, families = axes_texts(_CALL, [*map(str, names)], _LONGEST_NAME)
    # anchored at its end, a turned name points to its own bar
    ax.set_xticks(positions, texts, rotation=45, ha="right", rotation_mode="anchor", fontfamily=families)
    ax.set_ylabel("Frequency")
    return ax
