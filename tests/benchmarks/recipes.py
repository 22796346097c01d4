"""The option sets of the lecture, renamed, on street images at a small size, with their logs.

    python tests/benchmarks/recipes.py FOLDER [EPOCHS] [IMAGES]

FOLDER has train/images, train/labels, val/images and val/labels, with 11 classes of CamVid as index labels.
Each set of options keeps its own values, except for the number of epochs and what depends on it.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from layergraph.builders import deeplabv3plus_layers, fcn_layers, segnet_layers, unet_layers
from layergraph.data import ImageDatastore, PixelLabelDatastore, combine, resize_pair
from layergraph.graph.layer_graph import LayerGraph
from layergraph.training import TrainingOptions, train_network

SIZE, CLASSES = (64, 96, 3), 11
NAMES = (
    *("sky", "building", "pole", "road", "pavement", "tree"),
    *("sign", "fence", "car", "pedestrian", "bicyclist"),
)


def pairs(folder: Path, count: int) -> Any:
    """The first pairs of images and labels, at the small size."""
    images = ImageDatastore(folder / "images")
    labels = PixelLabelDatastore(folder / "labels", NAMES, range(CLASSES), ignored_ids=[11])
    return combine(images, labels).subset(range(count)).transform(partial(resize_pair, size=SIZE[:2]))


def recipes(validation: Any, epochs: int, folder: str) -> dict[str, tuple[LayerGraph, TrainingOptions]]:
    """The networks of the lecture, FCN-8s an eighth as wide, and their options."""
    fcn = TrainingOptions(
        "adam",
        initial_learn_rate=1e-3,
        max_epochs=100,
        mini_batch_size=4,
        shuffle="every-epoch",
        checkpoint_path=folder,
        verbose_frequency=2,
    )
    plain = TrainingOptions("sgdm", initial_learn_rate=1e-3, max_epochs=20, verbose_frequency=10)
    deeplab = TrainingOptions(
        "sgdm",
        learn_rate_schedule="piecewise",
        learn_rate_drop_period=10,
        learn_rate_drop_factor=0.3,
        momentum=0.9,
        initial_learn_rate=1e-3,
        l2_regularization=0.005,
        validation_data=validation,
        max_epochs=30,
        mini_batch_size=8,
        shuffle="every-epoch",
        checkpoint_path=folder,
        verbose_frequency=2,
        plots="training-progress",
        validation_patience=4,
    )
    period = max(1, epochs // 3)
    return {
        "FCN-8s": (fcn_layers(SIZE, CLASSES, width=0.125), replace(fcn, max_epochs=epochs)),
        "SegNet": (segnet_layers(SIZE, CLASSES, 2), replace(plain, max_epochs=epochs)),
        "U-Net": (unet_layers(SIZE, CLASSES, encoder_depth=3), replace(plain, max_epochs=epochs)),
        "DeepLab v3+": (
            deeplabv3plus_layers(SIZE, CLASSES, "resnet18"),
            replace(deeplab, max_epochs=epochs, learn_rate_drop_period=period, validation_frequency=2),
        ),
    }


def main(folder: Path, epochs: int, count: int) -> None:
    training, validation = pairs(folder / "train", count), pairs(folder / "val", max(count // 2, 1))
    print(f"torch {torch.__version__}, {count} images of {SIZE[0]}×{SIZE[1]}, {epochs} epochs")
    with tempfile.TemporaryDirectory() as checkpoints:
        for name, (lgraph, options) in recipes(validation, epochs, checkpoints).items():
            print(f"\n{name}: {options}")
            _, info = train_network(training, lgraph, replace(options, seed=0, log_path=checkpoints))
            print(info)
            print("learning rates:", *(f"{rate:.3g}" for rate in sorted({*info.base_learn_rate})[::-1]))
            print("files:", *(path.name for path in sorted(Path(checkpoints).rglob("*"))[:6]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, [*sys.argv[2:4], *["6", "16"][len(sys.argv) - 2 :]]))
