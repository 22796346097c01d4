"""The time of ``SlidingWindow`` against that of the fully convolutional network, for the same labels.

    python tests/benchmarks/sliding_window.py

A classifier of 33×33 patches labels a 128×128 image. ``SlidingWindow`` classifies the patches in batches;
the fully convolutional network labels every pixel if it is dilated, else every fourth one. Times are medians
on one thread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from tabulate import tabulate

from layergraph.builders import patch_classification_layers
from layergraph.edits import dilate, fully_convolutional
from layergraph.segmentation import SlidingWindow, semanticseg

SIZE, PATCH, CLASSES = 128, 33, 5
STRIDE = 4  # of the classifier: two poolings


def measure(run: Callable[[], NDArray[np.uint8]], times: int) -> tuple[NDArray[np.uint8], float]:
    """The labels that ``run`` returns, and its median time in seconds."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        labels = run()
        seconds.append(time.perf_counter() - start)
    return labels, statistics.median(seconds)


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = patch_classification_layers(PATCH, CLASSES, encoder_depth=2).compile().eval()
    squares = np.random.default_rng(0).integers(0, 256, (SIZE // 16, SIZE // 16))
    image = np.kron(squares, np.ones((16, 16))).astype(np.uint8)
    mirrored = np.pad(image, PATCH // 2, mode="reflect")
    strided = fully_convolutional(net.layer_graph(), (*mirrored.shape, 1))
    dense_net = dilate(strided, 1, keep_size=False).compile().eval()
    strided_net = strided.compile().eval()

    cases = {
        "every pixel": (
            lambda: semanticseg(image, SlidingWindow(net)),
            lambda: semanticseg(mirrored, dense_net),
        ),
        f"every {STRIDE}th pixel": (
            lambda: semanticseg(image, SlidingWindow(net, step=STRIDE)),
            lambda: semanticseg(mirrored, strided_net),
        ),
    }
    rows = []
    for positions, (by_patch, at_once) in cases.items():
        slow, slow_seconds = measure(by_patch, 3)
        fast, fast_seconds = measure(at_once, 9)
        shape = "×".join(map(str, fast.shape))
        equal = np.array_equal(slow, fast)
        rows.append([positions, shape, slow_seconds, fast_seconds, slow_seconds / fast_seconds, equal])
    print(f"{len(np.unique(slow))} of {CLASSES} classes in the labels")
    headers = ["labels for", "map", "patch by patch, s", "all at once, s", "times as fast", "equal labels"]
    print(tabulate(rows, headers, floatfmt=("", "", ".3f", ".4f", ".0f", "")))


if __name__ == "__main__":
    main()
