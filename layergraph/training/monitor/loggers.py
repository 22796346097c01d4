"""Loggers of Lightning as views of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layergraph.errors import MissingExtraError
from layergraph.training.monitor.csv_log import columns, loss_column
from layergraph.training.series import Metric, Row

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger


class LoggerView:
    """Sends the iterations to a logger of Lightning, under the names of the CSV log's columns.

    Lightning's trainer does not know the logger, so that an error of it ends no training. The first ``done``
    iterations are left out: the training that this one continues has logged them.
    """

    def __init__(self, logger: Logger, metric: Metric, options: Mapping[str, Any], done: int = 0) -> None:
        self.name = f"the log of {type(logger).__name__}"
        self._logger, self._options, self._done = logger, options, done
        self._names = columns(metric)
        self._is_new = True

    def write(self, rows: Sequence[Row]) -> None:
        """Log iterations, each as the step of its number; the first call logs the options too."""
        if self._is_new:
            self._logger.log_hyperparams(dict(self._options))
            self._is_new = False
        epoch, _, _, loss, metric, validation_loss, validation_metric, rate = self._names
        for row in rows:
            if row.iteration <= self._done:
                continue
            numbers = {epoch: row.epoch, loss: row.loss, metric: row.metric, rate: row.learn_rate}
            numbers |= {loss_column(name): loss for name, loss in row.output_losses.items()}
            if row.validation is not None:
                numbers |= {validation_loss: row.validation[0], validation_metric: row.validation[1]}
            self._logger.log_metrics(numbers, step=row.iteration)
        self._logger.save()

    def close(self, reason: str) -> None:
        """Finalize the log."""
        self._logger.finalize("success")


def tensorboard_logger(folder: Path, done: int) -> Logger:
    """A logger that writes TensorBoard's files to a folder.

    Args:
        folder: the folder.
        done: the iterations before; later steps in the folder come from a run that this one replaces.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """
    from lightning.pytorch.loggers import TensorBoardLogger

    purge: dict[str, Any] = {"purge_step": done + 1} if done else {}
    try:
        return TensorBoardLogger(folder, name="", version="", **purge)
    except ModuleNotFoundError:
        raise MissingExtraError(
            "train_network needs the package tensorboard, which is not installed: "
            'pip install "layergraph[tensorboard]"'
        ) from None
