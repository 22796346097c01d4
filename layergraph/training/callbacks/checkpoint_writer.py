"""The callback that writes checkpoints."""

from __future__ import annotations

from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer

from layergraph.errors import LayergraphError
from layergraph.temporary_files import remove_stale
from layergraph.training.callbacks.iteration_callback import IterationCallback
from layergraph.training.checkpoints.newest_checkpoint import NAME
from layergraph.training.ending import Ending
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.options import TrainingOptions
from layergraph.wording import quoted, visible

EXTENSION = ".safetensors"


class CheckpointWriter(IterationCallback):
    """Writes the network to a new file every few epochs or iterations, as MATLAB does, and at an early stop.

    A file holds graph and weights, and the state of the training, from which it continues. It appears under
    its name when it is complete; then the oldest files of this training beyond ``checkpoint_limit`` are
    deleted. If one cannot be written, training goes on, and a warning at its end reports it.

    Raises:
        OSError: the folder cannot be made.
    """

    def __init__(self, options: TrainingOptions, epoch_length: int, ending: Ending) -> None:
        self._folder = Path(options.checkpoint_path)
        # before training, because a fault that shows only after the first epoch would cost it
        self._folder.mkdir(parents=True, exist_ok=True)
        # a killed training leaves the file that it was writing, which may be large
        remove_stale(self._folder, EXTENSION)
        is_epoch = options.checkpoint_frequency_unit == "epoch"
        self._period = options.checkpoint_frequency * (epoch_length if is_epoch else 1)
        self._epoch_length = epoch_length
        self._limit = options.checkpoint_limit
        self._ending = ending
        self._names: list[str] = []  # of the files of this training, oldest first
        self._failures: set[str] = set()

    def state_dict(self) -> dict[str, Any]:
        """The names of the files so far, which a training that continues may delete."""
        return {"names": list(self._names)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        # a name from a file must not lead to a file of another kind or place, which would be deleted
        self._names = [name for name in state_dict["names"] if NAME.fullmatch(str(name))]

    def on_iteration_end(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        # at the end of an epoch, Lightning would count it as unfinished here, and a training that continues
        # several times would repeat it
        if iteration % self._epoch_length:
            self._write_if_due(trainer, module, iteration)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # a training may end within an epoch, where the file is written already
        if trainer.global_step % self._epoch_length == 0:
            assert isinstance(pl_module, TrainingModule)
            self._write_if_due(trainer, pl_module, trainer.global_step)

    def _write_if_due(self, trainer: Trainer, module: TrainingModule, iteration: int) -> None:
        is_due = iteration % self._period == 0 and self._ending.reason != "Loss is not finite."
        if not ((is_due or self._ending.is_early) and _is_finite(trainer, module)):
            return
        name = f"net_checkpoint__{iteration}__{datetime.now():%Y_%m_%d__%H_%M_%S}{EXTENSION}"
        path = self._folder / module.processes.first(lambda: name)
        self._names.append(path.name)  # before the file is written, which holds the names
        try:
            # Lightning collects the state, and CheckpointFiles writes it
            trainer.save_checkpoint(path)
        except (OSError, LayergraphError) as error:
            # only the first process writes, and the others wait for it at the end of save_checkpoint
            if module.processes.count > 1:
                trainer.strategy.barrier()
            self._names.pop()
            self._report("written", path, error)
            return
        if self._ending.is_early:
            self._ending.checkpoint = path
        if module.processes.rank == 0:
            self._delete_oldest()

    def _delete_oldest(self) -> None:
        """Delete the files beyond the limit, never the one that was just written."""
        while self._limit != inf and len(self._names) > self._limit:
            path = self._folder / self._names.pop(0)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                self._report("deleted", path, error)

    def _report(self, action: str, path: Path, error: Exception) -> None:
        """Warn of the first failure of each kind; the next ones usually have the same cause."""
        if action not in self._failures:
            self._failures.add(action)
            self._ending.warnings.append(
                f"train_network: the checkpoint {quoted(str(path))} could not be {action} "
                f"({visible(str(error))}), and perhaps later ones"
            )


def _is_finite(trainer: Trainer, module: TrainingModule) -> bool:
    """Whether the training can continue from here."""
    # read here: on a GPU the end of a training whose loss is not finite comes an iteration later
    is_finite = bool(module.finite) and all(bool(p.isfinite().all()) for p in module.net.parameters())
    # all processes write a checkpoint together, or none, but each has its own loss
    return trainer.strategy.reduce_boolean_decision(is_finite) if trainer.world_size > 1 else is_finite
