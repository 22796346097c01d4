"""The file of a checkpoint: a layer graph with its weights, and the state of the training beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from lightning.pytorch.plugins.io import CheckpointIO

from layergraph.errors import FileFormatError
from layergraph.graph import file_format
from layergraph.training.checkpoints.state_tree import join_tree, split_tree
from layergraph.training.lightning_module import TrainingModule

_STATE = "training state"  # the key of the JSON in the file
_LARGEST_STATE = 64 * 1024**2  # characters


class CheckpointFiles(CheckpointIO):
    """Writes the checkpoints of Lightning as safetensors files, and reads them, without pickle.

    Lightning collects the state: solver, schedule, loops, callbacks. The weights are those of the graph in
    the file, which :func:`layergraph.load` reads like any other.

    Args:
        module: the training, whose network is written.
        recipe: numbers and words that a training which continues must have in common.
        state: of the checkpoint that this training continues, from :func:`read_state`.
    """

    def __init__(
        self, module: TrainingModule, recipe: Mapping[str, Any], state: Mapping[str, Any] | None = None
    ) -> None:
        self._module, self._recipe, self._state = module, recipe, state

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint; the file appears when it is complete."""
        net: Any = self._module.net
        # the weights are in the graph; a second copy would double the file
        rest = {key: value for key, value in checkpoint.items() if key != "state_dict"}
        tensors: dict[str, Any] = {}
        state = {"recipe": dict(self._recipe), "checkpoint": split_tree(rest, tensors)}
        file_format.write(
            net.layer_graph(), path, extra=tensors, metadata={_STATE: json.dumps(state, allow_nan=False)}
        )

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """The state of the checkpoint. The network has its weights already, from the graph in the file."""
        # read before the training, to compare it: a second read of a large file would take as long again
        return {**(self._state or {}), "state_dict": self._module.state_dict()}

    def remove_checkpoint(self, path: Any) -> None:
        """Remove a file."""
        os.remove(path)


def read_state(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The recipe of the training that wrote a checkpoint, and its state as Lightning takes it.

    Raises:
        FileFormatError: the file is damaged, or a network without the state of a training.
    """
    metadata, tensors = file_format.read_extra(path)
    text = metadata.get(_STATE, "")
    if not text or len(text) > _LARGEST_STATE:
        raise FileFormatError(
            f"resume_from: {str(path)!r} must be a checkpoint of a training, got a network without the state "
            "of its solver; to train it further from the start, give layergraph.load(path) as the network"
        )
    try:
        state = json.loads(text)
        recipe, checkpoint = state["recipe"], join_tree(state["checkpoint"], tensors)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileFormatError(f"resume_from: {str(path)!r} is damaged: {error}") from None
    if not isinstance(recipe, dict) or not isinstance(checkpoint, dict):
        raise FileFormatError(f"resume_from: {str(path)!r} is damaged: it has no state of a training")
    return recipe, checkpoint
