"""TrainingInfo: the losses and metrics of a training run per iteration."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from layergraph.errors import MissingExtraError
from layergraph.training.series import Metric, Numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

StopReason = Literal[
    "Max epochs completed.",
    "Met validation criterion.",
    "Stopped by output function.",
    "Stopped manually.",
    "Stopped by SIGTERM.",
    "Stopped by SIGHUP.",
    "Loss is not finite.",
]


class TrainingWarning(UserWarning):
    """The trained network differs from the request."""


@dataclass(frozen=True, repr=False)
class TrainingInfo:
    """The course of a training, as MATLAB's ``info``: one entry per iteration.

    Attributes:
        training_loss: loss of each mini-batch.
        training_accuracy: percent of its labeled pixels (or observations) whose predicted class is right;
            None for regression.
        training_rmse: for regression, the root of the squared error, summed over each observation and
            averaged over the mini-batch; else None.
        base_learn_rate: the global learning rate, without the factors of layers.
        stop_reason: the reason for the end of training, as in the log.
        warnings: the differences between result and request, with their reasons; each is also a Python
            warning.
        validation_loss, validation_accuracy, validation_rmse: those of the validation data, NaN at
            iterations without validation; None without validation data.
        epochs: the epoch of each iteration, from 1.
        time_since_start: seconds at the end of each iteration.
        final_validation_loss, final_validation_accuracy, final_validation_rmse: those of the returned
            network; None without validation data.
        output_network_iteration: the iteration after which the returned network was taken.
        output_losses: the loss of each mini-batch per output layer, by the layer's name; None with one.

    >>> info = TrainingInfo([0.7, 0.5], [51.0, 63.25], None, [0.001, 0.001], "Max epochs completed.")
    >>> info
    TrainingInfo(2 iterations, last loss 0.5000, last accuracy 63.25%, 'Max epochs completed.')
    >>> info.to_dict()["training_loss"]
    [0.7, 0.5]
    """

    training_loss: Sequence[float]
    training_accuracy: Sequence[float] | None
    training_rmse: Sequence[float] | None
    base_learn_rate: Sequence[float]
    stop_reason: StopReason
    warnings: Sequence[str] = ()
    _: KW_ONLY
    validation_loss: Sequence[float] | None = None
    validation_accuracy: Sequence[float] | None = None
    validation_rmse: Sequence[float] | None = None
    epochs: Sequence[int] = ()
    # two equal trainings differ in their times
    time_since_start: Sequence[float] = field(default=(), compare=False)
    final_validation_loss: float | None = None
    final_validation_accuracy: float | None = None
    final_validation_rmse: float | None = None
    output_network_iteration: int | None = None
    output_losses: Mapping[str, Sequence[float]] | None = None

    @classmethod
    def of(
        cls,
        numbers: Numbers,
        metric: Metric,
        stop_reason: StopReason,
        warnings: Sequence[str] = (),
        *,
        validation: bool = False,
        final_validation: tuple[float, float] | None = None,
        output_network_iteration: int | None = None,
    ) -> TrainingInfo:
        """The info of the series of a training.

        Args:
            numbers: the series.
            metric: what its metrics are.
            stop_reason: the reason for the end.
            warnings: the differences between result and request.
            validation: whether there is validation data.
            final_validation: loss and metric of the returned network on it.
            output_network_iteration: by default the last iteration.
        """
        count = len(numbers.losses)
        nothing = (math.nan, math.nan)
        pairs = [numbers.validation.get(iteration, nothing) for iteration in range(1, count + 1)]
        losses, metrics = [[pair[i] for pair in pairs] if validation else None for i in (0, 1)]
        final_loss, final_metric = final_validation or (None, None)
        is_accuracy = metric == "Accuracy"
        return cls(
            numbers.losses,
            numbers.metrics if is_accuracy else None,
            None if is_accuracy else numbers.metrics,
            numbers.learn_rates,
            stop_reason,
            tuple(warnings),
            validation_loss=losses,
            validation_accuracy=metrics if is_accuracy else None,
            validation_rmse=None if is_accuracy else metrics,
            epochs=numbers.epochs,
            time_since_start=numbers.seconds,
            final_validation_loss=final_loss,
            final_validation_accuracy=final_metric if is_accuracy else None,
            final_validation_rmse=None if is_accuracy else final_metric,
            output_network_iteration=count if output_network_iteration is None else output_network_iteration,
            output_losses=dict(numbers.output_losses) or None,
        )

    @property
    def metric(self) -> Metric:
        """``"Accuracy"``, or ``"RMSE"`` for regression."""
        return "Accuracy" if self.training_rmse is None else "RMSE"

    def to_dict(self) -> dict[str, Any]:
        """The attributes by name, without those that do not apply.

        JSON can hold all of it: a number that is not finite, such as the loss of an iteration without
        validation, is ``None``.
        """
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: _finite(value) for name, value in values.items() if value not in (None, ())}

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a table with a row per iteration, as the CSV log of a training.

        Raises:
            OSError: the file cannot be written.
        """
        from layergraph.training.monitor.csv_log import write_csv

        write_csv(path, self._numbers(), self.metric)

    def plot(self) -> Figure:
        """The curves of loss and accuracy (or RMSE) as a figure of matplotlib, to show or to save.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        from layergraph.training.monitor.curves import plot_curves

        return plot_curves(self._numbers(), self.metric)

    def _repr_png_(self) -> bytes | None:
        """The curves for notebooks; None, and so the text, without iterations or without matplotlib."""
        if not len(self.training_loss):
            return None
        try:
            figure = self.plot()
        except MissingExtraError:
            return None
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=80)
        return file.getvalue()

    def _numbers(self) -> Numbers:
        count = len(self.training_loss)
        metrics = self.training_rmse if self.training_accuracy is None else self.training_accuracy
        validation_metrics = self.validation_rmse if self.metric == "RMSE" else self.validation_accuracy
        pairs = zip(self.validation_loss or (), validation_metrics or (), strict=True)
        return Numbers(
            [*self.training_loss],
            [*(metrics or ())],
            [*self.base_learn_rate],
            [*self.epochs] or [0] * count,
            [*self.time_since_start] or [math.nan] * count,
            # both NaN: no validation; a loss alone may be NaN in a training that diverges
            {
                iteration: pair
                for iteration, pair in enumerate(pairs, 1)
                if not all(math.isnan(number) for number in pair)
            },
            {name: [*losses] for name, losses in (self.output_losses or {}).items()},
        )

    def __repr__(self) -> str:
        count = len(self.training_loss)
        shown = [f"{count} iteration{'' if count == 1 else 's'}"]
        if count:
            shown.append(f"last loss {self.training_loss[-1]:.4f}")
            if self.training_accuracy is not None:
                shown.append(f"last accuracy {self.training_accuracy[-1]:.2f}%")
            if self.training_rmse is not None:
                shown.append(f"last RMSE {self.training_rmse[-1]:.2f}")
        if self.final_validation_loss is not None:
            shown.append(f"validation loss {self.final_validation_loss:.4f}")
        return f"TrainingInfo({', '.join(shown)}, {self.stop_reason!r})"


def _finite(value: Any) -> Any:
    """A value in which each number that is not finite is None."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
