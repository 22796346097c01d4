"""TrainingInfo: what a training run was like, iteration by iteration."""

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
    """A trained network that is not all that was asked for."""


@dataclass(frozen=True, repr=False)
class TrainingInfo:
    """The course of a training, as MATLAB's ``info``: one entry an iteration.

    Attributes:
        training_loss: loss of each mini-batch.
        training_accuracy: percent of its labelled pixels (or observations) whose class was right; None
            for regression.
        training_rmse: for regression, the root of the squared error, summed over an observation and
            averaged over those of the mini-batch; else None.
        base_learn_rate: the global learning rate, without the factors of layers.
        stop_reason: why training ended, as the log says it.
        warnings: where the result is not all that was asked for, and why; each was also a Python warning.

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
        """The attributes under their names; what does not apply is left out."""
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
