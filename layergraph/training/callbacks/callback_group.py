"""Several callbacks as one of Lightning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning import Callback, LightningModule, Trainer


class CallbackGroup(Callback):
    """Calls the callbacks of a training in their order.

    Lightning calls and profiles each hook of each callback, a dozen per iteration, also those that do
    nothing: with eight callbacks this would take some percent of an iteration of a small network. This class
    has the hooks that the callbacks in ``layergraph.training.callbacks`` define; a test compares them.
    """

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._callbacks = callbacks
        self.has_started = False

    def state_dict(self) -> dict[str, Any]:
        """The states of the callbacks that have one, by the name of their class."""
        states = {type(callback).__name__: callback.state_dict() for callback in self._callbacks}
        return {name: state for name, state in states.items() if state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Give each callback its state."""
        for callback in self._callbacks:
            if (state := state_dict.get(type(callback).__name__)) is not None:
                callback.load_state_dict(state)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        for callback in self._callbacks:
            callback.on_save_checkpoint(trainer, pl_module, checkpoint)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        for callback in self._callbacks:
            callback.on_load_checkpoint(trainer, pl_module, checkpoint)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for callback in self._callbacks:
            callback.on_fit_start(trainer, pl_module)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.has_started = True
        for callback in self._callbacks:
            callback.on_train_start(trainer, pl_module)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        for callback in self._callbacks:
            callback.on_train_batch_start(trainer, pl_module, batch, batch_idx)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        for callback in self._callbacks:
            callback.on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for callback in self._callbacks:
            callback.on_train_epoch_end(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for callback in self._callbacks:
            callback.on_train_end(trainer, pl_module)
