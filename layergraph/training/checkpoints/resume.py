"""A checkpoint to continue from: the latest of a folder, compared with the training that continues it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from layergraph.errors import DataError, FileFormatError
from layergraph.graph import file_format
from layergraph.graph.layer_graph import LayerGraph
from layergraph.training.options import TrainingOptions
from layergraph.wording import quoted

_NAME = re.compile(r"net_checkpoint__(\d+)__(\d{4}_\d\d_\d\d__\d\d_\d\d_\d\d)\.safetensors")

# options that change nothing before the iteration of the checkpoint, or nothing at all
_FREE = {
    *("max_epochs", "verbose", "verbose_frequency", "validation_frequency", "validation_patience"),
    *("checkpoint_path", "checkpoint_frequency", "checkpoint_frequency_unit", "checkpoint_limit"),
    *("plots", "log_path", "serve"),
    *("execution_environment", "dispatch_in_background", "num_workers", "strategy", "devices", "num_nodes"),
    *("reset_input_normalization", "batch_normalization_statistics", "seed", "deterministic", "compile"),
    *("output_network", "logger", "sequence_length", "sequence_padding_value", "worker_load"),
}


class Resume(NamedTuple):
    """A checkpoint to continue from: its network, its seed and number of iterations, and its state."""

    path: Path
    lgraph: LayerGraph
    seed: int
    iterations: int
    state: dict[str, Any]


def recipe_of(options: TrainingOptions, num_items: int, seed: int) -> dict[str, Any]:
    """The numbers and words that decide the course of a training, for its checkpoints."""
    return {
        "options": {key: value for key, value in options.to_dict().items() if key not in _FREE},
        "num_items": num_items,
        "seed": seed,
    }


def latest_checkpoint(path: str | os.PathLike[str]) -> Path:
    """The checkpoint at a path: the file, or the newest one of a folder.

    Raises:
        DataError: there is no such file or folder, or the folder has no checkpoint.
    """
    folder = Path(path)
    if folder.is_file():
        return folder
    if not folder.is_dir():
        raise DataError(
            f"train_network: resume_from must be a checkpoint or a folder, got {quoted(str(path))}"
        )
    names = [
        (match[2], int(match[1]), file) for file in folder.iterdir() if (match := _NAME.fullmatch(file.name))
    ]
    if not names:
        raise DataError(
            "train_network: resume_from must have checkpoints (net_checkpoint__...safetensors), got the "
            f"folder {quoted(str(path))} without any; leave resume_from out to start a training"
        )
    return max(names)[2]


def open_checkpoint(
    path: str | os.PathLike[str], lgraph: LayerGraph, options: TrainingOptions, num_items: int
) -> Resume:
    """Read a checkpoint, and compare it with the training that continues it.

    Raises:
        DataError: the training has another graph, other data or other options; the message lists them.
        FileFormatError: the file is no checkpoint, or damaged.
    """
    from layergraph.training.checkpoints.checkpoint_file import read_state

    file = latest_checkpoint(path)
    saved, network = file_format.read_again(file, lgraph)
    recipe, checkpoint = read_state(file)
    try:
        seed, iterations = int(recipe["seed"]), int(checkpoint["global_step"])
        was = {**recipe["options"], "number of items": recipe["num_items"]}
    except (KeyError, TypeError, ValueError):
        raise FileFormatError(f"resume_from: {str(file)!r} is damaged: its recipe is incomplete") from None
    now = {**recipe_of(options, num_items, seed)["options"], "number of items": num_items}
    if options.seed is not None:
        was["seed"], now["seed"] = seed, options.seed
    differences = [
        f"{key} {_text(now, key)} instead of {_text(was, key)}"
        for key in [*was, *(key for key in now if key not in was)]
        if was.get(key) != now.get(key)
    ]
    if network:
        differences.insert(0, f"another network ({network})")
    if differences:
        raise DataError(
            "train_network: the training must be that of the checkpoint "
            f"{quoted(str(file))}, got {'; '.join(differences)}; give the same, or train "
            "layergraph.load(path) with new options"
        )
    return Resume(file, saved, seed, iterations, checkpoint)


def _text(values: Mapping[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "the default"
