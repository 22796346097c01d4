"""Functions of the user that a training calls after each iteration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from layergraph.training.series import Metric, Row


@dataclass(frozen=True)
class TrainingRecord:
    """What an output function gets, as MATLAB's structure; ``None`` for what was not computed.

    Attributes:
        state: ``"start"`` before the first iteration, ``"iteration"`` after each, ``"done"`` at the end.
        epoch, iteration: from 1; 0 at the start.
        time_since_start: seconds.
        training_loss: of the mini-batch.
        training_accuracy: percent; ``None`` for regression.
        training_rmse: for regression.
        validation_loss, validation_accuracy, validation_rmse: if this iteration has a validation.
        base_learn_rate: the learning rate without the factors of layers.

    >>> def stop_early(record):
    ...     return record.state == "iteration" and record.training_accuracy > 90
    >>> stop_early(TrainingRecord("iteration", 1, 5, 2.5, training_loss=0.1, training_accuracy=95.0))
    True
    """

    state: Literal["start", "iteration", "done"]
    epoch: int
    iteration: int
    time_since_start: float
    training_loss: float | None = None
    training_accuracy: float | None = None
    training_rmse: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    validation_rmse: float | None = None
    base_learn_rate: float | None = None


OutputFunction = Callable[[TrainingRecord], Any]
"""A function of a record; training ends if the result is true."""


class OutputFunctions:
    """Calls the functions of the user."""

    def __init__(self, functions: Sequence[OutputFunction], metric: Metric) -> None:
        self._functions, self._metric = functions, metric

    def __bool__(self) -> bool:
        """Whether there is a function."""
        return bool(self._functions)

    def __call__(self, state: Literal["start", "iteration", "done"], row: Row | None) -> bool:
        """Call all functions, and return whether one of them asks to stop; errors of theirs are raised."""
        record = _record(state, row, self._metric)
        # in a list first: each function is called, also after one that asks to stop
        answers = [bool(function(record)) for function in self._functions]
        return any(answers)


def _record(state: Literal["start", "iteration", "done"], row: Row | None, metric: Metric) -> TrainingRecord:
    if row is None:
        return TrainingRecord(state, 0, 0, 0.0)
    validation_loss, validation_metric = row.validation or (None, None)
    is_accuracy = metric == "Accuracy"
    return TrainingRecord(
        state,
        row.epoch,
        row.iteration,
        row.seconds,
        row.loss,
        training_accuracy=row.metric if is_accuracy else None,
        training_rmse=None if is_accuracy else row.metric,
        validation_loss=validation_loss,
        validation_accuracy=validation_metric if is_accuracy else None,
        validation_rmse=None if is_accuracy else validation_metric,
        base_learn_rate=row.learn_rate,
    )
