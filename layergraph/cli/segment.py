"""The commands that work with a trained network: segment, evaluate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from layergraph.cli.builder_options import (
    ClassesOption,
    IgnoredIdsOption,
    LabelIdsOption,
    Pair,
    PairOption,
    classes_and_ids,
    ignored_values,
)
from layergraph.cli.writing import format_for, save_text, write_text
from layergraph.errors import DataError
from layergraph.labels import UNLABELLED
from layergraph.wording import quoted, visible

_CLASSES = "classes.json"  # beside label images: what their indices mean


def input_size(lgraph: Any) -> tuple[int, int]:
    """Height and width of a graph's one input layer."""
    if len(lgraph.input_names) != 1:
        raise DataError(
            f"this command needs a network with one input layer, it has {len(lgraph.input_names)}"
        )
    height, width, *_ = lgraph[lgraph.input_names[0]].input_size
    return int(height), int(width)


def segment(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A network that layergraph trained.")],
    *,
    images: Annotated[Path, typer.Option(metavar="FOLDER|FILE", help="The images, or one.")],
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the label images go.")],
    overlays: Annotated[
        bool, typer.Option("--overlays", help="Also write each image with its labels drawn over it.")
    ] = False,
    resize: Annotated[
        bool,
        typer.Option(help="Show the network each image at its input size; labels come at the image's own."),
    ] = True,
) -> None:
    """Give each pixel of images its class, with a trained network.

    The labels of images/x.jpg are out/pixelLabel_x.png: class indices 0, 1, 2, ... in the order of the
    network's classes, whose names are in out/classes.json.

    [bold]Example:[/bold] layergraph segment model.safetensors --images images --output out --overlays
    """
    from layergraph.data import ImageDatastore, write_image
    from layergraph.graph.layer_graph import load
    from layergraph.segmentation import AtSize, labeloverlay, semanticseg

    if images.resolve() == output.resolve():
        raise DataError(
            f"--output must be another folder than --images, got {quoted(str(output))} for both; the label "
            "images would be images to segment next time"
        )
    lgraph = load(model)
    net = lgraph.compile()
    predictor = AtSize(net, input_size(lgraph)) if resize else net
    store = ImageDatastore(images)
    labels = semanticseg(store, predictor, write_location=output)
    save_text(json.dumps(labels.classes, indent=2), output / _CLASSES)
    for index, file in enumerate(labels.files if overlays else ()):
        try:
            picture = labeloverlay(store[index], labels[index])
        except DataError as error:
            raise DataError(f"{visible(str(store.files[index]))}: {error}") from None
        write_image(output / file.name.replace("pixelLabel", "overlay", 1), picture)
    classes = visible(", ".join(labels.classes))
    print(f"wrote {len(labels)} label images to {visible(str(output))}; classes: {classes}")


def evaluate(
    *,
    predicted: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Label images of class indices, from segment.")
    ],
    truth: Annotated[Path, typer.Option(metavar="FOLDER", help="The true label images.")],
    classes: ClassesOption,
    label_ids: LabelIdsOption = None,
    ignored_ids: IgnoredIdsOption = None,
    pair: PairOption = Pair.by_name,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write everything as JSON to this file.")
    ] = None,
) -> None:
    """Compare predicted with true label images: accuracy and IoU, of all, of each class, of each image.

    --classes and --label-ids are those of the true label images, the classes in the order of the network's.

    [bold]Example:[/bold] layergraph evaluate --predicted out --truth labels --classes sky,road
    """
    from layergraph.data import PixelLabelDatastore
    from layergraph.segmentation import evaluate_semantic_segmentation

    format_for(output, "json", {"json": (".json", ".txt")}, "json")
    names, ids = classes_and_ids(classes, label_ids)
    only_labels = sorted(predicted.glob("pixelLabel_*.png")) or predicted
    of_network = _network_classes(predicted) or names
    metrics = evaluate_semantic_segmentation(
        PixelLabelDatastore(only_labels, of_network, range(len(of_network)), ignored_ids=[UNLABELLED]),
        PixelLabelDatastore(truth, names, ids, ignored_ids=ignored_values(ignored_ids)),
        pair=pair.value,
    )
    print(metrics)
    if output is not None:
        write_text(json.dumps(metrics.to_dict(), indent=2), output, kind="json")


def _network_classes(folder: Path) -> list[str] | None:
    """The names of the classes that label images of a folder hold, where segment wrote them there."""
    file = folder / _CLASSES
    if not file.is_file():
        return None
    try:
        names = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DataError(f"{quoted(str(file))} must be a list of class names in JSON; segment writes it anew")
    return names
