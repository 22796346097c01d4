"""The callback that saves the random states in checkpoints, and restores them."""

from __future__ import annotations

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from layergraph.data.randomness import random_states, set_random_states
from layergraph.training.processes.processes import Processes


class RandomStates(Callback):
    """Continues the random numbers of Python, NumPy and torch, such as those of dropout, in each process."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._loaded: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """The random states of this moment, of all processes."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {"processes": self._processes.share(lambda: {**random_states(), "cuda": cuda})}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint, when training starts."""
        self._loaded = state_dict["processes"][self._processes.rank]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # here, because what comes between the load and the training may draw numbers
        if self._loaded is not None:
            set_random_states(self._loaded)
            # another machine may have another number of devices
            if len(self._loaded["cuda"]) == torch.cuda.device_count():
                torch.cuda.set_rng_state_all(self._loaded["cuda"])
            self._loaded = None
