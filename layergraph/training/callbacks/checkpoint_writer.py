"""The callback that writes checkpoints."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from lightning import LightningModule, Trainer

from layergraph.errors import LayergraphError
from layergraph.training.callbacks.iteration_callback import IterationCallback
from layergraph.training.ending import Ending
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.options import TrainingOptions
from layergraph.wording import quoted, visible


class CheckpointWriter(IterationCallback):
    """Writes the network to a new file every few epochs or iterations, as MATLAB does.

    A file holds graph and weights, and the state of the training, from which it continues. It appears under
    its name when it is complete. If one cannot be written, training goes on, and a warning at its end
    reports it.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, options: TrainingOptions, epoch_length: int, ending: Ending) -> None:
        self._folder = Path(options.checkpoint_path)
        # before training, because a fault that shows only after the first epoch would cost it
        self._folder.mkdir(parents=True, exist_ok=True)
        is_epoch = options.checkpoint_frequency_unit == "epoch"
        self._period = options.checkpoint_frequency * (epoch_length if is_epoch else 1)
        self._epoch_length = epoch_length
        self._ending = ending
        self._has_failed = False

    def on_iteration_end(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        # at the end of an epoch, Lightning would count it as unfinished here, and a training that continues
        # several times would repeat it
        if iteration % self._epoch_length:
            self._write(trainer, iteration)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # a training may end within an epoch, where the file is written already
        if trainer.global_step % self._epoch_length == 0:
            self._write(trainer, trainer.global_step)

    def _write(self, trainer: Trainer, iteration: int) -> None:
        if iteration % self._period or self._ending.reason == "Loss is not finite.":
            return
        path = self._folder / f"net_checkpoint__{iteration}__{datetime.now():%Y_%m_%d__%H_%M_%S}.safetensors"
        try:
            # Lightning collects the state, and CheckpointFiles writes it
            trainer.save_checkpoint(path)
        except (OSError, LayergraphError) as error:
            if not self._has_failed:
                self._ending.warnings.append(
                    f"train_network: the checkpoint {quoted(str(path))} could not be written "
                    f"({visible(str(error))}), and perhaps later ones"
                )
            self._has_failed = True
