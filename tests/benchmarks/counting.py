"""The time of counting label files in threads, and augmented pairs in processes, per item.

    python tests/benchmarks/counting.py [ITEMS]

Label images of 720×960 are written first, as palette indices and as colors. Each row is the median of five
rounds in turn: the time that passed, and that of the processors, which is more with processes. On a busy
machine only the second says something.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image
from tabulate import tabulate

from layergraph.data import (
    ImageDataAugmenter,
    ImageDatastore,
    PixelLabelDatastore,
    combine,
    count_each_label,
)

CLASSES, ROUNDS = [f"class {index}" for index in range(11)], 5
COLORS = np.random.default_rng(1).permutation(256)[:33].reshape(11, 3).astype(np.uint8)


def write_images(folder: Path, count: int) -> None:
    """Blobs of eleven classes, whose borders compress about as well as those of real labels."""
    for kind in ("palette", "colors"):
        (folder / kind).mkdir()
    for index in range(count):
        random = np.random.default_rng(index)
        coarse = Image.fromarray(random.random((12, 16)).astype(np.float32))
        smooth = np.asarray(coarse.resize((960, 720), Image.Resampling.BICUBIC))
        indices = (smooth.clip(0, 0.999) * len(CLASSES)).astype(np.uint8)
        image = Image.fromarray(indices)
        image.putpalette(COLORS.ravel().tolist())
        image.save(folder / "palette" / f"{index}.png")
        Image.fromarray(COLORS[indices]).save(folder / "colors" / f"{index}.png")


def processor_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder, count)
        palette = PixelLabelDatastore(folder / "palette", CLASSES, range(11))
        colors = PixelLabelDatastore(folder / "colors", CLASSES, COLORS)
        pairs = combine(ImageDatastore(folder / "colors"), palette)
        augmented = pairs.transform(ImageDataAugmenter(rand_rotation=(-10, 10)))

        def in_threads(store: PixelLabelDatastore, threads: int) -> Callable[[], object]:
            def run() -> object:
                with mock.patch.object(os, "cpu_count", return_value=threads):
                    return count_each_label(store)

            return run

        runs: dict[tuple[str, str], Callable[[], object]] = {}
        for threads in (1, 2):
            runs["palette", f"{threads} threads"] = in_threads(palette, threads)
            runs["colors", f"{threads} threads"] = in_threads(colors, threads)
        for workers in (0, 1, 2):
            runs["augmented pairs", f"{workers} processes"] = lambda workers=workers: count_each_label(
                augmented, num_workers=workers
            )
        times: dict[tuple[str, str], list[tuple[float, float]]] = {key: [] for key in runs}
        for _ in range(ROUNDS):
            for key, run in runs.items():
                start, used = time.perf_counter(), processor_seconds()
                run()
                times[key].append((time.perf_counter() - start, processor_seconds() - used))
    rows = [
        (*key, *(f"{1000 * statistics.median(column) / count:.2f}" for column in zip(*values, strict=True)))
        for key, values in sorted(times.items())
    ]
    print(tabulate(rows, ("items", "in", "ms passed", "ms of processors"), disable_numparse=True))
    print("load:", *(f"{load:.1f}" for load in os.getloadavg()))


if __name__ == "__main__":
    main()
