"""A training that is killed again and again, and continues from its checkpoints.

    python tests/training/checkpoints/test_killed.py [kills]

kills a training this many times (20), and prints a line for each.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

PROGRAM = """
import random, sys, time
import numpy as np, torch
from layergraph import *
from layergraph.training import TrainingOptions, train_network

folder, output, workers, resume = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "resume"
torch.set_num_threads(1)

class Noisy:
    def __len__(self):
        return 22
    def __getitem__(self, index):
        time.sleep(0.001)
        image = np.random.default_rng(index).normal(0, 1, (16, 16, 1)) + np.random.rand() + random.random()
        return (image + torch.rand(()).item()).astype(np.float32), (image[..., 0] > 1).astype(np.uint8)

layers = [
    ImageInputLayer((16, 16, 1), name="in"), Convolution2dLayer(3, 8, padding=1, name="c1"),
    BatchNormalizationLayer(name="bn"), ReluLayer(name="relu"), DropoutLayer(0.3, name="drop"),
    Convolution2dLayer(1, 2, name="c2"), SoftmaxLayer(name="softmax"),
    PixelClassificationLayer(name="labels"),
]
options = TrainingOptions(
    "adam", learn_rate_schedule="piecewise", learn_rate_drop_period=3, max_epochs=12, mini_batch_size=4,
    shuffle="every-epoch", seed=5, verbose=False, num_workers=workers, execution_environment="cpu",
    checkpoint_path=folder, checkpoint_frequency=2, checkpoint_frequency_unit="iteration",
)
net, info = train_network(Noisy(), layers, options, resume_from=folder if resume else None)
net.layer_graph().save(output)
assert len(info.training_loss) == 60, (len(info.training_loss), info)
"""


def start(folder: Path, output: Path, workers: int, *, resume: bool) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", PROGRAM, str(folder), str(output), str(workers)]
    return subprocess.Popen([*arguments, "resume" if resume else "start"])


def kill_and_continue(work: Path, kills: int, seed: int) -> list[str]:
    """Kill a training at random moments, continue it, and compare the weights at its end; a line per kill."""
    whole, output, lines = work / "whole.safetensors", work / "output.safetensors", []
    assert start(work / "checkpoints of the whole", whole, 0, resume=False).wait() == 0
    draw, count = random.Random(seed), 0
    while count < kills:
        folder = work / f"checkpoints {count}"
        folder.mkdir()
        output.unlink(missing_ok=True)
        while True:
            names = [file.name for file in folder.glob("net_*")]
            latest = max((int(name.split("__")[1]) for name in names), default=0)
            workers = draw.choice([0, 2])
            process = start(folder, output, workers, resume=bool(latest))
            # the moment is a number of new files, then up to the time of two iterations, writes included
            new = len(names) + draw.randrange(1, 12)
            while process.poll() is None and len([*folder.glob("net_*")]) < new:
                time.sleep(0.001)
            time.sleep(draw.random() * 0.05)
            if count < kills and process.poll() is None:
                in_write = any(name.startswith(".layergraph.") for name in os.listdir(folder))
                process.kill()
                process.wait()
                count += 1
                lines.append(f"{count}: {workers} workers, from {latest}, in a write: {in_write}")
            else:
                assert process.wait() == 0, [*lines, f"{workers} workers, from {latest}"]
                break
        is_equal = output.read_bytes() == whole.read_bytes()
        lines.append(f"   end: equal to the training without a kill: {is_equal}")
        assert is_equal, lines
    return lines


@pytest.mark.slow
def test_a_killed_training_ends_with_the_same_weights(tmp_path):
    assert len([line for line in kill_and_continue(tmp_path, 3, seed=1) if "workers" in line]) == 3


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        for line in kill_and_continue(Path(made), int(sys.argv[1]) if len(sys.argv) > 1 else 20, seed=0):
            print(line)
