"""The newest checkpoint of a folder that can be read, and its contents."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from layergraph.errors import DataError, DataWarning, FileFormatError
from layergraph.graph import file_format
from layergraph.graph.layer_graph import LayerGraph
from layergraph.wording import counted, quoted

NAME = re.compile(r"net_checkpoint__(\d+)__(\d{4}_\d\d_\d\d__\d\d_\d\d_\d\d)\.safetensors")
"""The name of a checkpoint: its iteration and its time."""


class Contents(NamedTuple):
    """What a checkpoint holds: the network, the state, and the recipe of the training.

    ``other_network`` says in which layer the network is another one than the given one; "" in none.
    """

    lgraph: LayerGraph
    other_network: str
    state: dict[str, Any]
    iterations: int
    options: dict[str, Any]
    num_items: int
    num_processes: int
    seed: int
    max_epochs: int
    epoch_length: int


def newest_checkpoint(path: Path, lgraph: LayerGraph) -> tuple[Path, Contents]:
    """The checkpoint at a path: the file, or the newest one of a folder that can be read.

    ``lgraph`` has the modules, functions and layers that a file does not hold. A warning names each newer
    file that cannot be read.

    Raises:
        DataError: there is no such file or folder, or the folder has no checkpoint.
        FileFormatError: the file, or each file of the folder, is no checkpoint, or damaged.
    """
    if path.is_file():
        return path, _read(path, lgraph)
    if not path.is_dir():
        raise DataError(
            f"train_network: resume_from must be a checkpoint or a folder, got {quoted(str(path))}"
        )
    names = [
        (match[2], int(match[1]), file) for file in path.iterdir() if (match := NAME.fullmatch(file.name))
    ]
    if not names:
        raise DataError(
            "train_network: resume_from must have checkpoints (net_checkpoint__...safetensors), got the "
            f"folder {quoted(str(path))} without any; leave resume_from out to start a training"
        )
    errors: list[FileFormatError] = []
    for *_, file in sorted(names, reverse=True):
        try:
            contents = _read(file, lgraph)
        except FileFormatError as error:
            errors.append(error)
            continue
        for damage in errors:
            text = f"train_network: {damage}; training continues from the older {quoted(file.name)}"
            # the line of the user: this is called by open_checkpoint, and that by train_network
            warnings.warn(text, DataWarning, stacklevel=4)
        return file, contents
    raise FileFormatError(
        f"train_network: resume_from must have a checkpoint that can be read, got the folder "
        f"{quoted(str(path))} with {counted(len(errors), 'damaged one')}; leave resume_from out to start a "
        f"training (the newest: {errors[0]})"
    )


def _read(file: Path, lgraph: LayerGraph) -> Contents:
    # here, because other commands do not need Lightning
    from layergraph.training.checkpoints.checkpoint_file import read_state

    saved, other_network = file_format.read_again(file, lgraph)
    recipe, state = read_state(file)
    try:
        names = ("num_items", "num_processes", "seed", "max_epochs", "epoch_length")
        numbers = [int(recipe[name]) for name in names]
        iterations = int(state["global_step"])
        return Contents(saved, other_network, state, iterations, dict(recipe["options"]), *numbers)
    except (KeyError, TypeError, ValueError):
        raise FileFormatError(f"resume_from: {str(file)!r} is damaged: its recipe is incomplete") from None
