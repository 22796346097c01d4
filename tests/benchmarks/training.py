"""train_network against a bare PyTorch loop and against Lightning alone: same data, network and mini-batches.

    python tests/benchmarks/training.py [rounds]

Prints the processor time of an iteration in the training process, and the ratio of the bare loop to the
others (the target is 0.97 or more), then the peak memory of each above that of a process which has imported
them.

All read the items, stack them, train by SGD with momentum and read the loss and the accuracy. ``argmax`` is a
bare loop that computes the accuracy as most do, which takes longer on the CPU than ``max``, as the others
have it. An iteration lasts from one step of the optimizer to the next, without start-up, initial weights
and statistics. All run in turns on one thread; a median of the processor's time hardly depends on other
processes. With workers it contains what the training process does for a mini-batch, not the reads.
"""

from __future__ import annotations

import logging
import resource
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning import LightningModule, Trainer
from tabulate import tabulate
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import DataLoader

from layergraph import LayerGraph
from layergraph.builders import segnet_layers
from layergraph.training import TrainingOptions, train_network

RATE, MOMENTUM, L2 = 1e-3, 0.9, 1e-4


class Case(NamedTuple):
    """A network, its mini-batches, and the epochs of six iterations in a round."""

    name: str
    size: tuple[int, int, int]
    depth: int
    channels: int
    batch: int
    epochs: int

    def graph(self) -> LayerGraph:
        lgraph = segnet_layers(self.size, 2, self.depth, num_output_channels=self.channels)
        # with a given mean, training has no statistics to compute
        layer: Any = lgraph["inputImage"]
        return lgraph.replace_layer("inputImage", type(layer)(self.size, name="inputImage", mean=127.5))

    def data(self) -> list[tuple[Any, Any]]:
        """Pairs of an image of noise and its labels, in memory."""
        random, count = np.random.default_rng(0), 6 * self.batch
        images = random.integers(0, 256, (count, *self.size), np.uint8)
        return [*zip(images, random.integers(0, 2, (count, *self.size[:2]), np.uint8), strict=True)]


CASES = [
    Case("SegNet of the lecture", (32, 32, 1), 2, 64, 32, 1),
    Case("SegNet of depth 2", (64, 64, 3), 2, 64, 8, 1),
    Case("a small SegNet", (32, 32, 1), 1, 8, 8, 10),
]


def loader(case: Case, workers: int) -> DataLoader[Any]:
    data: Any = case.data()
    return DataLoader(
        data,
        case.batch,
        drop_last=True,
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=workers > 0,
    )


def collate(pairs: list[tuple[Any, Any]]) -> tuple[Tensor, Tensor]:
    images = torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image, _ in pairs])
    return images.contiguous().float(), torch.from_numpy(np.stack([label for _, label in pairs]))


def sgd(net: torch.nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=L2)


def bare(case: Case, workers: int, *, argmax: bool = False) -> None:
    """A plain loop."""
    torch.manual_seed(0)
    net = case.graph().compile()
    optimizer, batches, losses, accuracies = sgd(net), loader(case, workers), [], []
    for _ in range(case.epochs):
        for images, target in batches:
            loss, (scores,) = net.loss_and_scores(images, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            predicted = scores.argmax(1) if argmax else scores.max(1).indices
            accuracies.append((predicted == target).float().mean().item())


class PlainModule(LightningModule):
    """The plain loop for Lightning."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net
        self.losses: list[float] = []
        self.accuracies: list[float] = []

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return sgd(self.net)

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, target = batch
        loss: Tensor
        loss, (scores,) = self.net.loss_and_scores(images, target)
        self.losses.append(loss.item())
        self.accuracies.append((scores.max(1).indices == target).float().mean().item())
        return loss


def lightning_alone(case: Case, workers: int) -> None:
    """A plain module, and a trainer without all that it can do without."""
    torch.manual_seed(0)
    trainer = Trainer(accelerator="cpu", devices=1, max_epochs=case.epochs, barebones=True)
    trainer.fit(PlainModule(case.graph().compile()), loader(case, workers))


def ours(case: Case, workers: int) -> None:
    """train_network."""
    options = TrainingOptions(
        "sgdm",
        initial_learn_rate=RATE,
        momentum=MOMENTUM,
        l2_regularization=L2,
        max_epochs=case.epochs,
        mini_batch_size=case.batch,
        shuffle="never",
        batch_normalization_statistics="moving",
        verbose=False,
        seed=0,
        num_workers=workers,
    )
    train_network(case.data(), case.graph(), options)


WAYS: dict[str, Callable[[Case, int], None]] = {
    "bare loop": bare,
    "argmax": partial(bare, argmax=True),
    "Lightning": lightning_alone,
    "train_network": ours,
}


def iterations(train: Callable[[], None]) -> list[float]:
    """The milliseconds from each step of the optimizer to the next."""
    times: list[float] = []
    hook = register_optimizer_step_post_hook(lambda *_: times.append(1000 * time.process_time()))
    train()
    hook.remove()
    return [end - start for start, end in pairwise(times)]


def peak_memory(way: str, case: Case) -> float:
    """The peak of a training in MB, above that of this process before it."""
    prepare()
    # Linux counts in kB, macOS in bytes
    unit = 1e6 if sys.platform == "darwin" else 1e3
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    WAYS[way](case, 0)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit


def prepare() -> None:
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")


def row(base: float, others: list[float]) -> list[str]:
    return [f"{base:.1f}", *(f"{other:.1f} ({base / other:.3f})" for other in others)]


def main(rounds: int) -> None:
    prepare()
    print(f"torch {torch.__version__}, one thread, {rounds} rounds; ms per iteration (ratio)")
    rows = []
    for case in CASES:
        for workers in (0, 2):
            times: dict[str, list[float]] = {way: [] for way in WAYS}
            for _ in range(rounds):
                for way, train in WAYS.items():
                    times[way] += iterations(partial(train, case, workers))
            base, *others = (median(column) for column in times.values())
            rows.append([case.name, workers, *row(base, others)])
    print(tabulate(rows, ["network", "workers", *WAYS], disable_numparse=True))
    case = CASES[1]
    # a new process for each, since a peak never falls
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        base, *others = pool.starmap(peak_memory, [(way, case) for way in WAYS], chunksize=1)
    print("\npeak memory in MB (ratio)")
    print(tabulate([[case.name, *row(base, others)]], ["network", *WAYS], disable_numparse=True))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
