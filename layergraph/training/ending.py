"""The end of a training: its reason, and the differences between its result and the options."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from layergraph.training.info import StopReason

if TYPE_CHECKING:
    from lightning import Trainer


class Ending:
    """Why a training ends. The first reason counts, except that a loss that is not finite counts always.

    Attributes:
        warnings: a sentence for each difference between the result and the options.
        output_iteration: the iteration of the returned network; None for the last one.
        final_validation: loss and metric of the returned network on the validation data, if known.
        checkpoint: the checkpoint from which a training that was stopped continues, if it has one.
    """

    def __init__(self, warnings: Iterable[str] = ()) -> None:
        self._reason: StopReason | None = None
        self.warnings = [*warnings]
        self.output_iteration: int | None = None
        self.final_validation: tuple[float, float] | None = None
        self.checkpoint: Path | None = None

    @property
    def reason(self) -> StopReason:
        """The reason, as in the log."""
        return self._reason or "Max epochs completed."

    @property
    def is_early(self) -> bool:
        """Whether the training is stopped with a finite loss, so that it could continue."""
        return self.reason not in ("Max epochs completed.", "Loss is not finite.")

    def stop(self, trainer: Trainer, reason: StopReason) -> None:
        """End the training after the running iteration."""
        trainer.should_stop = True
        if self._reason is None or reason == "Loss is not finite.":
            self._reason = reason

    def agree(self, trainer: Trainer, reason: StopReason) -> None:
        """End the training for the reason on which all processes agree."""
        trainer.should_stop = True
        self._reason = reason
