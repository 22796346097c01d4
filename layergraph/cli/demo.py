"""The command demo: from images to a segmentation, in two minutes on a CPU."""

from __future__ import annotations

import json
import math
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from layergraph.cli.class_options import LabelIdsOption, classes_and_ids
from layergraph.cli.output_files import save_text
from layergraph.errors import DataError
from layergraph.wording import quoted, visible

if TYPE_CHECKING:
    from layergraph.training.monitor.output_functions import TrainingRecord

# the pixels of all images of all epochs that two cores train in about a minute
_BUDGET = 16_000_000
_LARGEST_IMAGE = 96 * 128
_MOST_EPOCHS, _USUAL_EPOCHS = 12, 8
# seconds from the start to the end of training at the latest: a busy machine needs as long again for the rest
_TRAINING_ENDS = 60.0


class DemoData(NamedTuple):
    """Pairs of image and labels, all of one size, and the labels alone for counting."""

    train: Any
    test: Any
    train_labels: Any
    size: tuple[int, int, int]


def demo(
    *,
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder for all results.")] = Path(
        "layergraph-demo"
    ),
    images: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Your images, instead of drawn triangles.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Their label images, paired by name.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(metavar="NAMES|FILE", help="Class names, or a file with one line 'id name' per class."),
    ] = None,
    label_ids: LabelIdsOption = None,
    max_epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over all images; by default as many as two minutes allow."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the initial weights and the order of the images.")] = 0,
) -> None:
    """Build, train and evaluate a network, in two minutes on a CPU.

    Draws small images of triangles, or takes yours. Builds, edits, analyzes and trains a SegNet, segments
    test images, and writes a folder with a report. Training ends early on a machine that is too slow for
    the two minutes, unless you give --max-epochs.

    Example: layergraph demo --images images --labels labels --classes sky,road,car
    """
    from layergraph.analyze import analyze_network, plot
    from layergraph.builders import segnet_layers
    from layergraph.cli.demo_report import report_page
    from layergraph.data import count_each_label, median_frequency_weights, write_image
    from layergraph.layers import PixelClassificationLayer
    from layergraph.segmentation import evaluate_semantic_segmentation, overlay_sheet, semanticseg
    from layergraph.training import TrainingOptions, train_network

    start = time.monotonic()
    _step(1, "Data")
    if images is None:
        if labels or classes or label_ids:
            raise DataError("--labels, --classes and --label-ids describe your --images; give --images too")
        data = _triangles(output / "data", seed)
    else:
        if labels is None or classes is None:
            raise DataError("--images also needs --labels (a folder) and --classes (such as sky,road)")
        data = _own_images(images, labels, classes, label_ids, seed)
    # only now, so that a wrong option leaves no empty folder
    output.mkdir(parents=True, exist_ok=True)
    train, test, train_labels, size = data
    names = train_labels.classes

    # three poolings would leave features of less than 8×8 from a small image
    depth = 2 if min(size[:2]) < 64 else 3
    _step(2, f"Network: segnet_layers({size}, num_classes={len(names)}, encoder_depth={depth})")
    lgraph = segnet_layers(size, len(names), depth)
    print(analyze_network(lgraph, name="segnet"))

    _step(3, "Class weights: rare classes count more, by median frequency")
    counts = count_each_label(train_labels)
    print(counts)
    weights = median_frequency_weights(counts)
    print(
        "\nweights:",
        ", ".join(f"{visible(name)} {weight:.4f}" for name, weight in zip(names, weights, strict=True)),
    )
    loss = PixelClassificationLayer(name="labels", classes=names, class_weights=weights)
    # replace_layer does the same in one step; the demo shows the edits
    lgraph = lgraph.remove_layers("pixelLabels").add_layers(loss).connect_layers("softmax", "labels")
    print(f"\nreplaced the loss by remove_layers, add_layers, connect_layers; it is now:\n{loss.description}")
    save_text(analyze_network(lgraph, name="segnet").to_html(), output / "network.html")
    page_path = visible(str(output / "network.html"))
    print(f"\nLook at {page_path} while the network trains: a page to click through.")

    epochs = max_epochs or _epochs(len(train), size)
    _step(4, f"Training on {len(train)} images, {epochs} epochs")

    def is_late(record: TrainingRecord) -> bool:
        # at least one iteration
        return (
            record.state == "iteration" and max_epochs is None and time.monotonic() - start > _TRAINING_ENDS
        )

    options = TrainingOptions(
        "sgdm",
        initial_learn_rate=0.05,
        max_epochs=epochs,
        mini_batch_size=min(8, len(train)),
        shuffle="every-epoch",
        verbose_frequency=25,
        output_fcn=is_late,
        seed=seed,
    )
    net, info = train_network(train, lgraph, options)
    if info.stop_reason == "Stopped by output function.":
        print(
            f"The time is up: training ended in epoch {info.epochs[-1]} of {epochs}; "
            f"--max-epochs {epochs} trains to the end."
        )
    trained = net.layer_graph()
    trained.save(output / "model.safetensors")  # before any step that could fail

    _step(5, f"Segmenting and evaluating {len(test)} test images")
    pictures, truth = [image for image, _ in test], [label for _, label in test]
    predicted = semanticseg(pictures, net)
    metrics = evaluate_semantic_segmentation(predicted, truth, classes=names)
    print(metrics)

    _step(6, "Results")
    analysis = analyze_network(trained, name="segnet")
    # four images spread over the test set, or all of fewer
    shown = [round(i * (len(test) - 1) / 3) for i in range(4)] if len(test) >= 4 else range(len(test))
    sheet = overlay_sheet(
        [pictures[i] for i in shown], [truth[i] for i in shown], [predicted[i] for i in shown], names
    )
    write_image(output / "overlay.png", sheet)
    plot(trained).save(output / "network.svg")
    results = {"training": info.to_dict(), "metrics": metrics.to_dict()}
    save_text(json.dumps(results, indent=2), output / "metrics.json")
    page = report_page(
        analysis, counts, weights, info, metrics, output / "overlay.png", output / "network.svg"
    )
    save_text(page, output / "report.html")
    model = visible(str(output / "model.safetensors"))
    print(
        f"""Look at these, in {visible(str(output))}:
  report.html        start here: all results on one page
  network.html       the network to click through: graph, sizes, costs and findings
  overlay.png        test images, their true and their predicted labels
  network.svg        the network as a diagram
  metrics.json       all metrics, for programs
  model.safetensors  the trained network; use it: layergraph segment {model} --images IMAGES --output OUT
"""
    )


def _step(number: int, text: str) -> None:
    typer.secho(f"\n{number}. {text}\n", bold=True)


def _triangles(folder: Path, seed: int) -> DemoData:
    from layergraph.data import triangle_images

    train_images, train_labels = triangle_images(folder / "train", 200, seed=seed)
    # another seed than for training, so that the test images are new ones
    test_images, test_labels = triangle_images(folder / "test", 100, seed=seed + 1)
    print(f"drew 200 images of triangles for training and 100 for testing, 32×32, in {visible(str(folder))}")
    return DemoData(
        train_images.combine(train_labels), test_images.combine(test_labels), train_labels, (32, 32, 1)
    )


def _own_images(images: Path, labels: Path, classes: str, label_ids: str | None, seed: int) -> DemoData:
    from layergraph.data import ImageDatastore, PixelLabelDatastore, combine, resize_pair

    names, ids = classes_and_ids(classes, label_ids)
    all_labels = PixelLabelDatastore(labels, names, ids)
    pairs = combine(ImageDatastore(images), all_labels)
    if len(pairs) < 5:
        raise DataError(
            f"the demo needs at least 5 images for training and testing, got {len(pairs)} in "
            f"{quoted(str(images))}"
        )
    height, width, channels = pairs[0][0].shape
    # the same factor for both sides, by the area: the shape of the image stays
    shrink = min(1.0, math.sqrt(_LARGEST_IMAGE / (height * width)))
    size = (max(8, round(height * shrink)), max(8, round(width * shrink)))

    # shuffled before the split: images next to each other, as of a video, are alike
    order = random.Random(seed).sample(range(len(pairs)), len(pairs))
    # as many images as the budget allows for the usual epochs; a fifth of them is for testing, not training
    most = max(5, _BUDGET // (_USUAL_EPOCHS * size[0] * size[1]) * 5 // 4)
    used = order[:most]
    num_test = max(1, len(used) // 5)
    test, train = sorted(used[:num_test]), sorted(used[num_test:])
    print(
        f"{len(pairs)} images of {height}×{width}×{channels}; "
        f"used: {len(train)} for training and {len(test)} for testing, at {size[0]}×{size[1]}"
    )
    return DemoData(
        [resize_pair(pairs[i], size) for i in train],
        [resize_pair(pairs[i], size) for i in test],
        # class weights count only the images that train the network
        all_labels.subset(train),
        (*size, channels),
    )


def _epochs(num_images: int, size: tuple[int, int, int]) -> int:
    return max(1, min(_MOST_EPOCHS, _BUDGET // (num_images * size[0] * size[1])))
