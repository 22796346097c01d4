"""A checkpoint to continue from, compared with the training that continues it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from layergraph.errors import DataError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.training.checkpoints.newest_checkpoint import Contents, newest_checkpoint
from layergraph.training.optimization.schedule_series import learn_rate_factor, schedules_of
from layergraph.training.options import TrainingOptions
from layergraph.wording import quoted

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
    """A checkpoint to continue from: its network, its seed and number of iterations, and its state.

    ``warnings`` are the differences between the training that continues and one without interruption.
    """

    path: Path
    lgraph: LayerGraph
    seed: int
    iterations: int
    state: dict[str, Any]
    warnings: tuple[str, ...] = ()


def recipe_of(
    options: TrainingOptions, num_items: int, seed: int, epoch_length: int, num_processes: int
) -> dict[str, Any]:
    """The numbers and words that decide the course of a training, for its checkpoints."""
    return {
        "options": _compared(options),
        "num_items": num_items,
        "num_processes": num_processes,
        "seed": seed,
        "max_epochs": options.max_epochs,
        "epoch_length": epoch_length,
    }


def open_checkpoint(
    path: str | os.PathLike[str],
    lgraph: LayerGraph,
    options: TrainingOptions,
    num_items: int,
    num_processes: int,
) -> Resume:
    """Read a checkpoint, and compare it with the training that continues it.

    Raises:
        DataError: the training has another graph, other data or other options; the message lists them. Or
            there is no checkpoint.
        FileFormatError: the file, or each file of the folder, is no checkpoint, or damaged.
    """
    file, saved = newest_checkpoint(Path(path), lgraph)
    was: dict[str, Any] = {**saved.options, **_sizes(saved.num_items, saved.num_processes)}
    now: dict[str, Any] = {**_compared(options), **_sizes(num_items, num_processes)}
    if options.seed is not None:
        was["seed"], now["seed"] = saved.seed, options.seed
    differences = [
        f"{key} {_text(now, key)} instead of {_text(was, key)}"
        for key in [*was, *(key for key in now if key not in was)]
        if was.get(key) != now.get(key)
    ]
    if saved.other_network:
        differences.insert(0, f"another network ({saved.other_network})")
    if differences:
        raise DataError(
            "train_network: the training must be that of the checkpoint "
            f"{quoted(str(file))}, got {'; '.join(differences)}; give the same, or train "
            "layergraph.load(path) with new options"
        )
    changes = tuple(_rate_changes(saved, options))
    return Resume(file, saved.lgraph, saved.seed, saved.iterations, saved.state, changes)


def _compared(options: TrainingOptions) -> dict[str, Any]:
    """The options that must be those of the checkpoint."""
    return {key: value for key, value in options.to_dict().items() if key not in _FREE}


def _rate_changes(saved: Contents, options: TrainingOptions) -> Iterator[str]:
    """A sentence if another ``max_epochs`` would have given the iterations so far other learning rates."""
    schedule, length = options.learn_rate_schedule, saved.epoch_length
    if callable(schedule) or not saved.iterations:  # a scheduler of torch has its own numbers
        return
    schedules = schedules_of(schedule, options.learn_rate_drop_factor, options.learn_rate_drop_period)
    # the schedules that last all epochs are monotone, so that the last iteration shows it
    was, now = (
        options.learn_rate * learn_rate_factor(schedules, saved.iterations - 1, length, epochs * length)
        for epochs in (saved.max_epochs, options.max_epochs)
    )
    if was != now:
        yield (
            f"train_network: max_epochs is {options.max_epochs} instead of {saved.max_epochs}, and "
            f"learn_rate_schedule lasts all epochs: iteration {saved.iterations} had the rate {was:.3g}, and "
            f"would have {now:.3g}; training continues with the new rates, and its result is not that of "
            "a training without interruption"
        )


def _sizes(num_items: int, num_processes: int) -> dict[str, int]:
    return {"number of items": num_items, "number of devices": num_processes}


def _text(values: Mapping[str, Any], key: str) -> str:
    return repr(values[key]) if key in values else "the default"
