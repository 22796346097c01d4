"""Compiled graphs against the same networks hand-written in eager PyTorch: time, memory, equality.

    python tests/benchmarks/compiled.py

The two alternate, and each row gives the median time of both and the median of their ratios. Peak memory
is that of all tensors alive at once.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tabulate import tabulate
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from layergraph.builders import deeplabv3plus_layers, segnet_layers, unet_layers

sys.path.insert(0, str(Path(__file__).parents[1]))
from handwritten_networks import DeepLabV3Plus, SegNet, UNet, copy_weights

CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], nn.Module], tuple[int, ...]]] = {
    "SegNet depth 2, 8×1×32×32, 16 filters": (
        lambda: segnet_layers((32, 32, 1), 2, 2, num_output_channels=16).compile(),
        lambda: SegNet(1, 2, 2, 16),
        (8, 1, 32, 32),
    ),
    "SegNet depth 4, 4×3×120×160": (
        lambda: segnet_layers((120, 160, 3), 11, 4).compile(),
        lambda: SegNet(3, 11, 4),
        (4, 3, 120, 160),
    ),
    "U-Net depth 4, 2×1×32×32, 16 filters": (
        lambda: unet_layers((32, 32, 1), 2, num_first_encoder_filters=16).compile(),
        lambda: UNet(1, 2, 4, 16),
        (2, 1, 32, 32),
    ),
    "U-Net depth 3, 2×3×96×128": (
        lambda: unet_layers((96, 128, 3), 5, encoder_depth=3).compile(),
        lambda: UNet(3, 5, 3),
        (2, 3, 96, 128),
    ),
    "DeepLab v3+ on ResNet-18, 2×3×64×96": (
        lambda: deeplabv3plus_layers((64, 96, 3), 11, "resnet18").compile(),
        lambda: DeepLabV3Plus(11),
        (2, 3, 64, 96),
    ),
}


def loss_of(net: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    if isinstance(net, (SegNet, UNet, DeepLabV3Plus)):
        logs = F.log_softmax(net.scores(x), 1)
        return F.nll_loss(logs, target, ignore_index=255, reduction="sum") / (target != 255).sum().clamp(
            min=1
        )
    loss: Tensor = net.loss(x, target)  # type: ignore[operator]
    return loss


def step(net: nn.Module, x: Tensor, target: Tensor) -> Tensor:
    net.zero_grad()
    loss = loss_of(net, x, target)
    loss.backward()
    return loss


def paired(
    first: Callable[[], object], second: Callable[[], object], seconds: float
) -> tuple[float, float, float]:
    """Median milliseconds of both, and the median ratio of neighbors; which goes first alternates."""
    for _ in range(3):
        first(), second()
    times: list[tuple[float, float]] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 20:
        pair = [0.0, 0.0]
        for which in (0, 1) if len(times) % 2 else (1, 0):
            start = time.perf_counter()
            (first, second)[which]()
            pair[which] = time.perf_counter() - start
        times.append((pair[0], pair[1]))
    ours, theirs = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    return ours, theirs, statistics.median(a / b for a, b in times)


class PeakBytes(TorchDispatchMode):
    """Counts the bytes of all tensors alive, after every operation, and keeps the largest count."""

    def __init__(self) -> None:
        super().__init__()
        self.alive: dict[StorageWeakRef, int] = {}
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self.alive[StorageWeakRef(storage)] = storage.nbytes()
        self.alive = {ref: size for ref, size in self.alive.items() if not ref.expired()}
        self.peak = max(self.peak, sum(self.alive.values()))
        return result


def peak_megabytes(run: Callable[[], object]) -> float:
    with PeakBytes() as counter:
        run()
    return counter.peak / 2**20


def main() -> None:
    torch.manual_seed(0)
    rows = []
    for case, (make_ours, make_theirs, shape) in CASES.items():
        ours, theirs = make_ours(), make_theirs()
        copy_weights(ours, theirs)
        x, target = torch.randn(shape), torch.randint(0, 2, (shape[0], *shape[2:]))
        ours.eval(), theirs.eval()
        equal = torch.equal(ours(x), theirs(x))
        with torch.no_grad():
            forward = paired(lambda: ours(x), lambda: theirs(x), 5)  # noqa: B023
        ours.train(), theirs.train()
        training = paired(lambda: step(ours, x, target), lambda: step(theirs, x, target), 8)  # noqa: B023
        for mode, (mine, other, ratio) in (("forward", forward), ("training", training)):
            peaks = []
            for net in (ours, theirs):
                if mode == "forward":
                    with torch.no_grad():
                        peaks.append(peak_megabytes(lambda: net.eval()(x)))  # noqa: B023
                else:
                    peaks.append(peak_megabytes(lambda: step(net.train(), x, target)))  # noqa: B023
            rows.append([case, mode, equal, mine, other, ratio, *peaks, peaks[0] / peaks[1]])
    headers = [
        "network",
        "",
        "bit-equal",
        "ms",
        "hand-written ms",
        "ratio",
        "peak MB",
        "hand-written",
        "ratio",
    ]
    print(tabulate(rows, headers, floatfmt=("", "", "", ".2f", ".2f", ".3f", ".1f", ".1f", ".3f")))


if __name__ == "__main__":
    main()
