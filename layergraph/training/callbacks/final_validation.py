"""The callback that validates the network that a training returns."""

from __future__ import annotations

from lightning import Callback, LightningModule, Trainer

from layergraph.training.ending import Ending
from layergraph.training.interrupts import StopRequest
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.options import TrainingOptions
from layergraph.training.statistics.stages import has_batch_normalization
from layergraph.training.validation.validation_set import ValidationSet
from layergraph.wording import visible


class FinalValidation(Callback):
    """Validates the network after the statistics of its batch normalization are final.

    An error loses no network: it becomes a warning. There is no time for it after a signal other than
    Ctrl-C, and another Ctrl-C ends it without a result.
    """

    def __init__(
        self, validation: ValidationSet, options: TrainingOptions, stop: StopRequest, ending: Ending
    ) -> None:
        self._validation, self._options, self._stop, self._ending = validation, options, stop, ending

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, TrainingModule)
        validations = pl_module.series.validation
        iteration = self._ending.output_iteration or len(pl_module.series)
        has_new_statistics = self._options.batch_normalization_statistics == "population"
        if not (has_new_statistics and has_batch_normalization(pl_module.net)) and iteration in validations:
            self._ending.final_validation = validations[iteration]
            return
        last_signal, self._stop.received = self._stop.received, None
        try:
            # a job that is ended has seconds left; the user who pressed Ctrl-C can press it again
            has_time = last_signal is None or last_signal.name == "SIGINT"
            self._ending.final_validation = self._validation.evaluate(
                pl_module, trainer, lambda: has_time and self._stop.received is None
            )
        except Exception as error:
            self._ending.warnings.append(
                "train_network: the validation of the trained network failed "
                f"({visible(f'{type(error).__name__}: {error}')}); the network itself is complete"
            )
        finally:
            self._stop.received = self._stop.received or last_signal
