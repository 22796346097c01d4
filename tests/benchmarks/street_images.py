"""SegNet, U-Net, FCN-8s and DeepLab v3+ on street images, with and without class weights.

    python tests/benchmarks/street_images.py FOLDER OUTPUT [epochs]

FOLDER holds ``train/images``, ``train/labels``, ``val/images`` and ``val/labels``, with labels 0 to 10 of
CamVid's 11 classes. Images are used at 128×160. Each training runs in a process of its own, on one thread,
and leaves in OUTPUT its page, its network, the predicted labels and a sheet of overlays. The table has the
mean IU of all classes and of the five rare ones, processor time and peak memory.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean
from typing import Any

HEIGHT, WIDTH = 128, 160
CLASSES = (
    *("Sky", "Building", "Pole", "Road", "Pavement", "Tree"),
    *("SignSymbol", "Fence", "Car", "Pedestrian", "Bicyclist"),
)
RARE = ("Pole", "SignSymbol", "Fence", "Pedestrian", "Bicyclist")
NAMES = ("segnet", "unet", "fcn", "deeplab")
LARGEST_WEIGHT = 10.0


def network(name: str) -> Any:
    """A network of a size that one processor trains in minutes."""
    from layergraph import ImageInputLayer
    from layergraph.builders import deeplabv3plus_layers, fcn_layers, segnet_layers, unet_layers

    size = (HEIGHT, WIDTH, 3)
    if name == "segnet":
        return segnet_layers(size, 11, 4, num_output_channels=32)
    if name == "deeplab":
        return deeplabv3plus_layers(size, 11, "resnet18")
    if name == "unet":
        lgraph = unet_layers(size, 11, encoder_depth=3, num_first_encoder_filters=16)
    else:
        lgraph = fcn_layers(size, 11, width=0.25)
    # without batch normalization, the images must be normalized
    image = lgraph.input_names[0]
    return lgraph.replace_layer(image, ImageInputLayer(size, name=image, normalization="zscore"))


def prepare(folder: Path, small: Path) -> None:
    """Write the images and labels at the small size."""
    from layergraph.data import (
        ImageDatastore,
        PixelLabelDatastore,
        resize_image,
        resize_labels,
        write_image,
        write_labels,
    )

    size = (HEIGHT, WIDTH)
    for part in ("train", "val"):
        for kind in ("images", "labels"):
            (small / part / kind).mkdir(parents=True, exist_ok=True)
        images = ImageDatastore(folder / part / "images")
        for path, image in zip(images.files, images, strict=True):
            write_image(small / part / "images" / f"{path.stem}.png", resize_image(image, size))
        labels = PixelLabelDatastore(folder / part / "labels", CLASSES, range(11), ignored_ids=[11])
        for path, label in zip(labels.files, labels, strict=True):
            write_labels(small / part / "labels" / f"{path.stem}.png", resize_labels(label, size))


def train(small: Path, output: Path, name: str, is_weighted: bool, epochs: int) -> None:
    """Train one network, and write its figures."""
    import resource

    import torch

    from layergraph import PixelClassificationLayer
    from layergraph.data import (
        ImageDataAugmenter,
        ImageDatastore,
        PixelLabelDatastore,
        PixelLabelImageDatastore,
        combine,
        count_each_label,
        median_frequency_weights,
        write_image,
    )
    from layergraph.segmentation import evaluate_semantic_segmentation, overlay_sheet, semanticseg
    from layergraph.training import TrainingOptions, save_trained_network, train_network

    torch.set_num_threads(1)
    images, labels = {}, {}
    for part in ("train", "val"):
        images[part] = ImageDatastore(small / part / "images")
        labels[part] = PixelLabelDatastore(small / part / "labels", CLASSES, range(11), ignored_ids=[255])
    lgraph = network(name)
    options: dict[str, Any] = {}
    if is_weighted:
        weights = median_frequency_weights(count_each_label(labels["train"]))
        options["class_weights"] = [min(weight, LARGEST_WEIGHT) for weight in weights]
    loss = lgraph.output_names[0]
    lgraph = lgraph.replace_layer(loss, PixelClassificationLayer(name=loss, classes=CLASSES, **options))
    augmenter = ImageDataAugmenter(
        rand_x_reflection=True, rand_x_translation=(-10, 10), rand_y_translation=(-10, 10)
    )
    data = PixelLabelImageDatastore(images["train"], labels["train"], data_augmentation=augmenter)
    training_options = TrainingOptions(
        "adam",
        initial_learn_rate=3e-4 if name == "fcn" else 1e-3,
        learn_rate_schedule="cosine",
        max_epochs=epochs,
        mini_batch_size=4,
        shuffle="every-epoch",
        validation_data=combine(images["val"], labels["val"]).subset(range(0, len(images["val"]), 4)),
        validation_frequency=91,
        plots="training-progress",
        log_path=output,
        execution_environment="cpu",
        seed=0,
    )
    start = time.process_time()
    net, info = train_network(data, lgraph, training_options)
    seconds = time.process_time() - start
    save_trained_network(output / "network.safetensors", net, info, training_options)
    predicted = semanticseg(images["val"], net, write_location=output / "labels")
    metrics = evaluate_semantic_segmentation(predicted, labels["val"], metrics=["iou", "global-accuracy"])
    shown = [len(images["val"]) * part // 4 for part in (0, 1, 2, 3)]
    columns = ([store[i] for i in shown] for store in (images["val"], labels["val"], predicted))
    write_image(output / "sheet.png", overlay_sheet(*columns, CLASSES))
    figures = {
        "iou": dict(zip(CLASSES, metrics.class_metrics.iou.tolist(), strict=True)),
        "global_accuracy": float(metrics.data_set_metrics.global_accuracy[0]),
        "minutes": seconds / 60,
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    (output / "figures.json").write_text(json.dumps(figures, indent=1))


def table(output: Path) -> None:
    """Print the figures of all trainings."""
    print("network   weights  accuracy  mean IU  mean IU of rare classes  minutes  MiB")
    for name in NAMES:
        for weights in ("none", "median"):
            figures = json.loads((output / f"{name}-{weights}" / "figures.json").read_text())
            iou = figures["iou"]
            print(
                f"{name:<9} {weights:<8} {figures['global_accuracy']:8.3f} {mean(iou.values()):8.3f} "
                f"{mean(iou[rare] for rare in RARE):24.3f} {figures['minutes']:8.1f} "
                f"{figures['mebibytes']:5.0f}"
            )


def main(folder: Path, output: Path, epochs: int) -> None:
    if not (output / "small").exists():
        prepare(folder, output / "small")
    for name in NAMES:
        for weights in ("none", "median"):
            one = output / f"{name}-{weights}"
            if not (one / "figures.json").exists():
                one.mkdir(parents=True, exist_ok=True)
                words = [str(output / "small"), str(one), name, weights, str(epochs)]
                # a process each, for the peak of its own memory
                subprocess.run([sys.executable, __file__, "--one", *words], check=True)
    table(output)


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        small, one, name, weights, epochs = sys.argv[2:]
        train(Path(small), Path(one), name, weights == "median", int(epochs))
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 10)
