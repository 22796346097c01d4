"""TrainingInfo: the losses and metrics of a training run per iteration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

StopReason = Literal[
    "Max epochs completed.",
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

    def to_dict(self) -> dict[str, Any]:
        """The attributes by name, without those that do not apply."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}

    def __repr__(self) -> str:
        count = len(self.training_loss)
        shown = [f"{count} iteration{'' if count == 1 else 's'}"]
        if count:
            shown.append(f"last loss {self.training_loss[-1]:.4f}")
            if self.training_accuracy is not None:
                shown.append(f"last accuracy {self.training_accuracy[-1]:.2f}%")
            if self.training_rmse is not None:
                shown.append(f"last RMSE {self.training_rmse[-1]:.2f}")
        return f"TrainingInfo({', '.join(shown)}, {self.stop_reason!r})"
