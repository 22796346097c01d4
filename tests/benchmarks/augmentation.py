"""The time of each augmentation, per pair of a 360×480×3 image and its labels, against albumentations.

    python tests/benchmarks/augmentation.py

One thread each; times are processor times, and calls of both alternate, so that a busy machine slows both.
The table has the mean time of each, since many augmentations change only some of the pairs, and the ratio of
the means. Albumentations' columns are empty where it is not installed, and where it has no such augmentation.
Ranges are equal; the elastic deformations, which the two parametrize differently, are only alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from tabulate import tabulate

from layergraph.data import (
    ColorJitter,
    ElasticDeformation,
    ImageDataAugmenter,
    RandomCrop,
    augment_image_and_label,
    item_randomness,
)

HEIGHT, WIDTH, CLASSES, CALLS = 360, 480, 11, 60

OURS: dict[str, Callable[[Any], Any]] = {
    "reflection": ImageDataAugmenter(rand_x_reflection=True),
    "reflection, ±10 pixels (lecture)": lambda pair: augment_image_and_label(pair, (-10, 10), (-10, 10)),
    "rotation, scale, shear, ±10 pixels": ImageDataAugmenter(
        rand_rotation=(-20, 20),
        rand_scale=(0.8, 1.2),
        rand_x_shear=(-10, 10),
        rand_x_translation=(-10, 10),
        rand_y_translation=(-10, 10),
    ),
    "elastic deformation": ElasticDeformation(),
    "brightness, contrast, saturation, hue": ColorJitter(
        brightness=(0.8, 1.2), contrast=(0.8, 1.2), saturation=(0.8, 1.2), hue=(-18, 18)
    ),
    "crop to 256×256": RandomCrop((256, 256)),
    "crop to 256×256, balanced": RandomCrop((256, 256), class_balanced=True),
}


def albumentations() -> dict[str, Callable[[Any], Any]]:
    """The same augmentations by albumentations, or none if it is not installed."""
    if find_spec("albumentations") is None:
        return {}
    import albumentations as library
    import cv2

    cv2.setNumThreads(1)
    pixels = {"x": (-10, 10), "y": (-10, 10)}
    transforms = {
        "reflection": library.HorizontalFlip(p=0.5),
        "reflection, ±10 pixels (lecture)": library.Compose(
            [library.HorizontalFlip(p=0.5), library.Affine(translate_px=pixels, p=1)]
        ),
        "rotation, scale, shear, ±10 pixels": library.Affine(
            rotate=(-20, 20), scale=(0.8, 1.2), shear={"x": (-10, 10)}, translate_px=pixels, p=1
        ),
        "elastic deformation": library.ElasticTransform(alpha=300, sigma=10, p=1),
        # a hue of 1 is a full turn
        "brightness, contrast, saturation, hue": library.ColorJitter(
            (0.8, 1.2), (0.8, 1.2), (0.8, 1.2), (-0.05, 0.05), p=1
        ),
        "crop to 256×256": library.RandomCrop(256, 256),
    }

    def on_pairs(transform: Callable[..., Any]) -> Callable[[Any], Any]:
        return lambda pair: transform(image=pair[0], mask=pair[1])

    return {name: on_pairs(transform) for name, transform in transforms.items()}


def milliseconds(run: Callable[[Any], Any], pair: Any) -> float:
    start = time.process_time()
    run(pair)
    return 1000 * (time.process_time() - start)


def main() -> None:
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    pair = (
        random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8),
        random.integers(0, CLASSES, (HEIGHT, WIDTH), np.uint8),
    )
    theirs = albumentations()
    rows = []
    for name, run in OURS.items():
        other = theirs.get(name)
        times, others = [], []
        for call in range(CALLS + 3):
            with item_randomness(0, 0, call):
                times.append(milliseconds(run, pair))
            if other is not None:
                others.append(milliseconds(other, pair))
        # the first calls import and allocate
        times, others = times[3:], others[3:]
        row = [name, f"{statistics.fmean(times):.2f}"]
        if others:
            ratio = sum(times) / sum(others)
            row += [f"{statistics.fmean(others):.2f}", f"{ratio:.1f}"]
        rows.append(row)
    print(tabulate(rows, ("augmentation", "ms", "albumentations, ms", "ratio"), disable_numparse=True))


if __name__ == "__main__":
    main()
