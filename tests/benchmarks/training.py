"""Throughput of train_network against a bare PyTorch loop: same data, same network, same mini-batches.

    python tests/benchmarks/training.py [rounds]

Prints the images per second of both and their ratio (the target is 0.97 or more), and the additional time of
an iteration of train_network. It hardly depends on the network: Lightning's hooks take it.

The bare loop also reads the items, stacks them, trains with ``torch.optim.SGD`` and computes the mini-batch
accuracy. The time of an iteration is that from the read of one mini-batch to the read of the next, without
start-up, initial weights and statistics. Both run in turns on one thread; the median of the processor's time
hardly depends on other processes.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from layergraph import LayerGraph
from layergraph.builders import segnet_layers
from layergraph.training import TrainingOptions, train_network

RATE, MOMENTUM, L2 = 1e-3, 0.9, 1e-4


class Images:
    """Images of noise in memory, which record the time of each read."""

    def __init__(self, count: int, size: tuple[int, int, int]) -> None:
        random = np.random.default_rng(0)
        self.images = random.integers(0, 256, (count, *size), np.uint8)
        self.labels = random.integers(0, 2, (count, *size[:2]), np.uint8)
        self.times: list[float] = []

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        self.times.append(time.process_time())
        return self.images[index], self.labels[index]


def bare(data: Images, lgraph: LayerGraph, batch: int, epochs: int) -> list[float]:
    """Seconds of each iteration of a plain loop."""

    def collate(pairs: list[tuple[Any, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
        images = torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image, _ in pairs]).contiguous()
        return images.float(), torch.from_numpy(np.stack([label for _, label in pairs]))

    torch.manual_seed(0)
    net = lgraph.compile()
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=L2)
    loader = DataLoader(data, batch, drop_last=True, collate_fn=collate)  # type: ignore[arg-type]
    losses, accuracies = [], []
    data.times = []
    for _ in range(epochs):
        for images, target in loader:
            loss, (scores,) = net.loss_and_scores(images, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            accuracies.append((scores.argmax(1) == target).float().mean().item())
    return iterations(data, batch)


def ours(data: Images, lgraph: LayerGraph, batch: int, epochs: int) -> list[float]:
    """Seconds of each iteration of train_network."""
    options = TrainingOptions(
        "sgdm",
        initial_learn_rate=RATE,
        momentum=MOMENTUM,
        l2_regularization=L2,
        max_epochs=epochs,
        mini_batch_size=batch,
        shuffle="never",
        batch_normalization_statistics="moving",
        verbose=False,
        seed=0,
    )
    data.times = []
    train_network(data, lgraph, options)
    return iterations(data, batch)


def iterations(data: Images, batch: int) -> list[float]:
    """The times from the first read of one mini-batch to that of the next."""
    starts = data.times[-(len(data.times) // batch) * batch :: batch]
    return [end - start for start, end in pairwise(starts)]


def main(rounds: int) -> None:
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, {rounds} rounds")
    cases: list[tuple[str, tuple[int, int, int], int, int, int, int]] = [
        ("SegNet of the lecture", (32, 32, 1), 2, 64, 32, 1),
        ("SegNet of depth 2", (64, 64, 3), 2, 64, 8, 1),
        ("a small SegNet", (32, 32, 1), 1, 8, 8, 5),
    ]
    for name, size, depth, channels, batch, epochs in cases:
        lgraph = segnet_layers(size, 2, depth, num_output_channels=channels)
        # with a given mean, training has no statistics to compute
        layer: Any = lgraph["inputImage"]
        lgraph = lgraph.replace_layer("inputImage", type(layer)(size, name="inputImage", mean=127.5))
        data = Images(batch * 6, size)
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for column, train in zip(times, (bare, ours), strict=True):
                column += train(data, lgraph, batch, epochs)
        loop, net = map(median, times)
        print(
            f"{name}, {'×'.join(map(str, size))}, batch {batch}: bare loop {batch / loop:.1f} images/s, "
            f"train_network {batch / net:.1f} images/s, ratio {loop / net:.3f} "
            f"({1000 * (net - loop):+.2f} ms per iteration of {1000 * loop:.1f} ms)"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4)
