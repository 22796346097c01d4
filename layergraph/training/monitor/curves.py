"""A picture of the curves of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from layergraph.errors import MissingExtraError
from layergraph.training.series import Metric, Numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WEIGHT = 0.1  # of the newest number in a smoothed curve, about the mean of the last 20


class Smooth:
    """The exponential moving average of a curve, number by number; NaN and infinity do not count.

    Its start has no bias: the first value is that of the curve.

    >>> smooth = Smooth()
    >>> [round(smooth(value), 3) for value in (1.0, 1.0, math.nan, 2.0)]
    [1.0, 1.0, 1.0, 1.369]
    """

    def __init__(self) -> None:
        self._total = self._weight = 0.0

    def __call__(self, value: float) -> float:
        """Add a number, and return the average."""
        if math.isfinite(value):
            self._total += _WEIGHT * (value - self._total)
            self._weight += _WEIGHT * (1 - self._weight)
        return self._total / self._weight if self._weight else math.nan


def plot_curves(numbers: Numbers, metric: Metric) -> Figure:
    """Accuracy (or RMSE) above, loss below: raw, smoothed, and at validations."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(
            'plot needs the package matplotlib, which is not installed: pip install "layergraph[train]"'
        ) from None
    # not pyplot, which would keep the figure and choose a window system
    figure = Figure(figsize=(8, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    label = "Accuracy (%)" if metric == "Accuracy" else metric
    _draw(upper, label, numbers.metrics, {i: pair[1] for i, pair in numbers.validation.items()})
    _draw(lower, "Loss", numbers.losses, {i: pair[0] for i, pair in numbers.validation.items()})
    lower.set_xlabel("Iteration")
    for axes in (upper, lower):
        for start, end in _epochs(numbers.epochs)[1::2]:
            axes.axvspan(start - 0.5, end + 0.5, color="black", alpha=0.05, linewidth=0)
    return figure


def _draw(axes: Axes, label: str, values: list[float], validation: dict[int, float]) -> None:
    iterations = range(1, len(values) + 1)
    axes.plot(iterations, values, color="#9ec0f0", linewidth=0.8, label="training")
    axes.plot(iterations, [*map(Smooth(), values)], color="#1f62d0", label="training, smoothed")
    if validation:
        axes.plot(
            [*validation], [*validation.values()], "o--", color="#c2410c", markersize=4, label="validation"
        )
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    axes.legend()


def _epochs(epochs: Sequence[int]) -> list[tuple[int, int]]:
    """The first and the last iteration of each epoch."""
    starts = [i for i, epoch in enumerate(epochs, 1) if i == 1 or epoch != epochs[i - 2]]
    return list(zip(starts, [*(start - 1 for start in starts[1:]), len(epochs)], strict=False))
