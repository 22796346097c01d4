"""Trainings that two processes and one process compare: a program that each of the processes runs.

    python tests/two_process_trainings.py folder [name ...]

trains in two processes, and writes the results of each to a file per process.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layergraph import (
    BatchNormalizationLayer,
    Convolution2dLayer,
    DataError,
    DicePixelClassificationLayer,
    DropoutLayer,
    ImageInputLayer,
    LayerGraph,
    LossLayer,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.training import TrainingOptions, train_network

RANK = int(os.environ.get("LOCAL_RANK", 0))
Trained = tuple[Any, Any]


def pairs(count: int = 10, seed: int = 0, labeled: bool = True) -> list[Any]:
    """Images of noise; each has another number of unlabeled rows, and one has no label."""
    random = np.random.default_rng(seed)
    made = []
    for index in range(count):
        target = random.integers(0, 2, (6, 6)).astype(np.uint8)
        image = random.normal(0, 0.5, (6, 6, 1)) + target[..., None]
        target[: index % 6 + index % 3] = 255
        if index == 4 or not labeled:
            target[:] = 255
        made.append((image, target))
    return made


class Signaled:
    """Items; the read of one sends a signal to the process that reads it, if that is the second one."""

    def __init__(self, item: int) -> None:
        self.items, self.item = pairs(), item

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        if index == self.item and RANK == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return self.items[index]


class Unreadable(Signaled):
    """Items, one of which cannot be read after its first read."""

    def __getitem__(self, index: int) -> Any:
        if index == self.item and RANK == 1:
            raise DataError("item 9 is gone")
        return self.items[index]


class Ending(Signaled):
    """Items; the read of one ends the second process without a word."""

    def __getitem__(self, index: int) -> Any:
        if index == self.item and RANK == 1:
            os._exit(3)
        return self.items[index]


def graph(*output: Any, middle: Any = (), normalization: str = "none") -> LayerGraph:
    first = [ImageInputLayer((6, 6, 1), normalization=normalization), Convolution2dLayer(3, 4, padding=1)]
    return LayerGraph([*first, *middle, ReluLayer(), Convolution2dLayer(1, 2), *output])


def train(data: Any, lgraph: LayerGraph, devices: int, solver: Any = "sgdm", **options: Any) -> Trained:
    resume = options.pop("resume_from", None)
    settings = {"max_epochs": 2, "mini_batch_size": 5, "shuffle": "every-epoch", "seed": 0, "verbose": False}
    fixed = {"execution_environment": "cpu", "precision": "64-true", "devices": devices}
    made = TrainingOptions(solver, **{**settings, **fixed, **options})
    return train_network(data, lgraph, made, resume_from=resume)


WEIGHTED = PixelClassificationLayer(class_weights=(0.3, 1.7), classes=("a", "b"))


def weighted(devices: int, folder: Path) -> Trained:
    """Class weights, unlabeled pixels, synchronized batch normalization, validation, and all files."""
    lgraph = graph(SoftmaxLayer(), WEIGHTED, middle=[BatchNormalizationLayer()], normalization="zerocenter")
    options = {
        "sync_batchnorm": True,
        "validation_data": pairs(7, seed=1),
        "validation_frequency": 2,
        "checkpoint_path": folder / "checkpoints",
        "log_path": folder / "log",
        "logger": "csv",
        "plots": "training-progress",
        "verbose": True,
        "gradient_threshold": 0.5,
    }
    return train(pairs(), lgraph, devices, **options)


def dice(devices: int, folder: Path) -> Trained:
    return train(
        pairs(),
        graph(SoftmaxLayer(), DicePixelClassificationLayer()),
        devices,
        "adam",
        accumulate_grad_batches=2,
    )


def soft_jaccard(scores: Any, target: Any) -> Any:
    """A loss that is no mean over items."""
    truth = torch.nn.functional.one_hot(target.clamp(max=1), scores.shape[1]).movedim(-1, 1)
    both = (scores * truth).sum()
    return 1 - both / (scores.sum() + truth.sum() - both)


def function(devices: int, folder: Path) -> Trained:
    return train(pairs(), graph(SoftmaxLayer(), LossLayer(soft_jaccard)), devices, "rmsprop")


def regression(devices: int, folder: Path) -> Trained:
    data = [(image, np.concatenate([image, -image], axis=2)) for image, _ in pairs()]
    return train(data, graph(RegressionLayer()), devices, num_workers=1)


def line_search(devices: int, folder: Path) -> Trained:
    return train(pairs(), graph(SoftmaxLayer(), WEIGHTED), devices, "lbfgs", max_epochs=3)


def output_function(devices: int, folder: Path) -> Trained:
    """Only the first process calls the function, which ends all."""
    calls = []

    def stop(info: Any) -> bool:
        calls.append(RANK)
        return bool(info.iteration == 3)

    result = train(pairs(), graph(SoftmaxLayer(), WEIGHTED), devices, output_fcn=stop)
    assert bool(calls) == (RANK == 0)
    return result


def patience(devices: int, folder: Path) -> Trained:
    return train(
        pairs(),
        graph(SoftmaxLayer(), WEIGHTED),
        devices,
        validation_data=pairs(5, seed=1),
        validation_frequency=1,
        validation_patience=1,
        initial_learn_rate=30.0,
        max_epochs=20,
    )


def own_statistics(devices: int, folder: Path) -> Trained:
    """Batch normalization by the part of each process, dropout, and a checkpoint to continue from."""
    middle = [BatchNormalizationLayer(), DropoutLayer(0.5)]
    options = {
        "batch_normalization_statistics": "moving",
        "validation_data": pairs(5, seed=1),
        "validation_frequency": 3,
        "checkpoint_path": folder / f"own-{devices}",
        "max_epochs": 3,
    }
    return train(pairs(), graph(SoftmaxLayer(), WEIGHTED, middle=middle), devices, **options)


def continued(devices: int, folder: Path) -> Trained:
    middle = [BatchNormalizationLayer(), DropoutLayer(0.5)]
    (first,) = [f for f in (folder / f"own-{devices}").iterdir() if f.name.split("__")[1] == "2"]
    options = {
        "batch_normalization_statistics": "moving",
        "validation_data": pairs(5, seed=1),
        "validation_frequency": 3,
        "max_epochs": 3,
        "resume_from": first,
    }
    return train(pairs(), graph(SoftmaxLayer(), WEIGHTED, middle=middle), devices, **options)


def sigterm(devices: int, folder: Path) -> Trained:
    """A signal that only the second process gets."""
    lgraph = graph(SoftmaxLayer(), WEIGHTED, middle=[BatchNormalizationLayer()])
    return train(Signaled(9), lgraph, devices, max_epochs=50, shuffle="never")


def unlabeled(devices: int, folder: Path) -> str:
    try:
        train(pairs(labeled=False), graph(SoftmaxLayer(), WEIGHTED), devices)
    except DataError as error:
        return str(error)
    return ""


def unreadable(devices: int, folder: Path) -> str:
    """An item of the second process cannot be read: both raise its error, with the network."""
    try:
        train(Unreadable(9), graph(SoftmaxLayer(), WEIGHTED), devices, shuffle="never")
    except DataError as error:
        return f"{error}; {type(error.trained_network).__name__}"  # type: ignore[attr-defined]
    return ""


def killed(devices: int, folder: Path) -> Trained:
    return train(Ending(9), graph(SoftmaxLayer(), WEIGHTED), devices, shuffle="never")


TRAININGS: list[Callable[[int, Path], Any]] = [
    *(weighted, dice, function, regression, line_search, output_function, patience),
    *(own_statistics, continued, sigterm, unlabeled, unreadable),
]


def record(result: Any) -> Any:
    if isinstance(result, str):
        return result
    net, info = result
    return {
        "state": net.state_dict(),
        "info": {key: value for key, value in info.to_dict().items() if key != "time_since_start"},
    }


if __name__ == "__main__":
    place, names = Path(sys.argv[1]), sys.argv[2:]
    chosen = [t for t in [*TRAININGS, killed] if t.__name__ in names] if names else TRAININGS
    torch.save({t.__name__: record(t(2, place)) for t in chosen}, place / f"results-{RANK}.pt")
