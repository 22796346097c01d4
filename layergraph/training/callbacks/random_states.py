"""The callback that saves the random states in checkpoints, and restores them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer


class RandomStates(Callback):
    """Continues the random numbers of Python, NumPy and torch, such as those of dropout."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """The random states of this moment."""
        name, keys, position, has_gauss, gauss = np.random.get_state()
        return {
            "python": random.getstate(),
            "numpy": (name, np.asarray(keys), position, has_gauss, gauss),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a checkpoint, when training starts."""
        self._loaded = state_dict

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # here, because what comes between the load and the training may draw numbers
        if self._loaded is not None:
            random.setstate(self._loaded["python"])
            np.random.set_state(self._loaded["numpy"])
            torch.set_rng_state(self._loaded["torch"])
            # another machine may have another number of devices
            if len(self._loaded["cuda"]) == torch.cuda.device_count():
                torch.cuda.set_rng_state_all(self._loaded["cuda"])
            self._loaded = None
