"""Throughput of train_network in two processes against one: same mini-batches, one thread per process.

    python tests/benchmarks/devices.py [rounds]

Prints images per second of both and their ratio; 2 is the limit. It takes two free processors.
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

SIZE, BATCH, ITERATIONS, FIRST = (64, 64, 3), 16, 12, 3


def train(devices: int) -> None:
    """Train, and print the images per second after the first iterations."""
    import numpy as np
    import torch

    from layergraph.builders import segnet_layers
    from layergraph.training import TrainingOptions, train_network
    from layergraph.training.monitor.output_functions import TrainingRecord

    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (BATCH * ITERATIONS, *SIZE), np.uint8)
    labels = random.integers(0, 2, (BATCH * ITERATIONS, *SIZE[:2]), np.uint8)
    times: list[float] = []

    def record_time(record: TrainingRecord) -> None:
        if record.state == "iteration":
            times.append(record.time_since_start)

    options = TrainingOptions(
        "sgdm",
        max_epochs=1,
        mini_batch_size=BATCH,
        execution_environment="cpu",
        devices=devices,
        strategy="ddp" if devices > 1 else "auto",
        output_fcn=record_time,
        batch_normalization_statistics="moving",
        verbose=False,
        seed=0,
    )
    train_network(images, labels, segnet_layers(SIZE, 2, 2), options)
    if len(times) == ITERATIONS:  # the process that records; others have no rows
        print("images/s", BATCH * (ITERATIONS - FIRST) / (times[-1] - times[FIRST - 1]))


def measure(devices: int) -> float:
    words = [sys.executable, __file__, "--one", str(devices)]
    text = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith("images/s")))


def main(rounds: int) -> None:
    results: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for devices, rates in results.items():
            rates.append(measure(devices))
    one, two = (median(rates) for rates in results.values())
    print(f"one process {one:.1f} images/s, two processes {two:.1f} images/s, ratio {two / one:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        train(int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
