"""The data of the page of a training: its curves in few points, and its times."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from layergraph.training.monitor.curves import Smooth
from layergraph.training.series import Metric, Row

_MOST_POINTS = 1500
"""Of a curve: about one per pixel; the page stays small however long the training."""


class Plan(NamedTuple):
    """The iterations that a training has at most."""

    iterations_per_epoch: int
    max_epochs: int

    @property
    def iterations(self) -> int:
        """All of them."""
        return self.iterations_per_epoch * self.max_epochs


class Curve:
    """One quantity per iteration, raw and smoothed."""

    def __init__(self) -> None:
        self._raw: list[float] = []
        self._smoothed: list[float] = []
        self._smooth = Smooth()

    def add(self, value: float) -> None:
        """Add the value of the next iteration."""
        self._raw.append(value)
        self._smoothed.append(self._smooth(value))

    def points(self) -> dict[str, list[Any]]:
        """Iterations and values of the raw and the smoothed curve, in at most 1500 points each.

        A long curve is cut into parts of equal length, each with its least and its greatest raw value, so
        that no peak is lost.
        """
        count = len(self._raw)
        if count <= _MOST_POINTS:
            iterations = range(1, count + 1)
            return _curve(iterations, self._raw, iterations, self._smoothed)
        length = -(-count // (_MOST_POINTS // 2))
        starts = np.arange(0, count, length)
        ends = np.minimum(starts + length, count)
        raw = np.asarray(self._raw)
        # fmin and fmax leave out NaN
        extremes = np.stack([np.fmin.reduceat(raw, starts), np.fmax.reduceat(raw, starts)], axis=1)
        places = np.stack([starts + 1, ends], axis=1)
        smoothed = [self._smoothed[end - 1] for end in ends]
        return _curve(places.ravel().tolist(), extremes.ravel().tolist(), ends.tolist(), smoothed)


class PageData:
    """Collects the iterations of a training for its page."""

    def __init__(self, metric: Metric, plan: Plan) -> None:
        self._metric, self._plan = metric, plan
        self._curves = {"metric": Curve(), "loss": Curve()}
        self._rates: list[tuple[int, float]] = []
        self._validation: list[Row] = []
        self._seconds: list[float] = []
        self._last: Row | None = None

    def add(self, rows: Iterable[Row]) -> None:
        """Add iterations."""
        for row in rows:
            self._curves["metric"].add(row.metric)
            self._curves["loss"].add(row.loss)
            # a rate that stays needs no point
            if not self._rates or row.learn_rate != self._rates[-1][1]:
                self._rates.append((row.iteration, row.learn_rate))
            if row.validation is not None:
                self._validation.append(row)
            self._seconds.append(row.seconds)
            self._last = row

    def values(self) -> dict[str, Any]:
        """All of it for JSON, where ``None`` stands for what is not finite or not known."""
        last, plan = self._last, self._plan
        return {
            "metric": self._metric,
            "iteration": 0 if last is None else last.iteration,
            "iterations": plan.iterations,
            "iterations_per_epoch": plan.iterations_per_epoch,
            "epoch": 0 if last is None else last.epoch,
            "epochs": plan.max_epochs,
            "seconds": 0 if last is None else round(last.seconds, 1),
            "seconds_left": seconds_left(self._seconds, plan.iterations),
            "learn_rate": None if last is None else _plain(last.learn_rate),
            "curves": {name: curve.points() for name, curve in self._curves.items()},
            "rates": [[iteration, _plain(rate)] for iteration, rate in _thinned(self._rates)],
            "validation": [
                [row.iteration, *map(_plain, row.validation)]
                for row in _thinned(self._validation)
                if row.validation is not None
            ],
        }


def seconds_left(seconds: Sequence[float], iterations: int) -> float | None:
    """The time to the last of ``iterations``, by the pace of the last fifth of those that are done.

    >>> seconds_left([1.0, 2.0, 3.0], 10)
    7.0
    """
    count = len(seconds)
    if not count:
        return None
    # validations come every few iterations: a shorter stretch would hold one or none
    stretch = min(count, max(50, count // 5))
    before = seconds[count - stretch - 1] if stretch < count else 0.0
    return round((seconds[-1] - before) / stretch * max(iterations - count, 0), 1)


def _curve(
    iterations: Sequence[int], raw: Sequence[float], ends: Sequence[int], smoothed: Sequence[float]
) -> dict[str, list[Any]]:
    return {
        "iterations": list(iterations),
        "raw": [*map(_plain, raw)],
        "ends": list(ends),
        "smoothed": [*map(_plain, smoothed)],
    }


def _thinned(points: list[Any]) -> list[Any]:
    """At most as many as a curve may have, the last among them."""
    step = -(-len(points) // _MOST_POINTS) or 1
    return points[::-step][::-1]


def _plain(value: float) -> float | None:
    # five digits: more than a screen can show, in half of the bytes
    return float(f"{value:.5g}") if math.isfinite(value) else None
