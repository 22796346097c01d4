"""The command that compares predicted with true label images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from layergraph.atomic import check_writable
from layergraph.cli.class_options import (
    ClassesOption,
    IgnoredIdsOption,
    LabelIdsOption,
    PairOption,
    classes_and_ids,
    ignored_values,
)
from layergraph.cli.output_files import format_for, write_text
from layergraph.cli.segment import CLASSES_FILE
from layergraph.errors import ArgumentError, DataError
from layergraph.extensions import check_extension
from layergraph.json_text import json_text
from layergraph.labels import UNLABELED
from layergraph.wording import quoted


def evaluate(
    *,
    predicted: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Label images of class indices, from segment.")
    ],
    truth: Annotated[Path, typer.Option(metavar="FOLDER", help="The true label images.")],
    classes: ClassesOption,
    label_ids: LabelIdsOption = None,
    ignored_ids: IgnoredIdsOption = None,
    pair: PairOption = "name",
    metrics: Annotated[
        str,
        typer.Option(
            metavar="NAME,NAME,...",
            help="all, or some of global-accuracy, accuracy, iou, weighted-iou, bfscore.",
        ),
    ] = "all",
    output: Annotated[
        Path | None,
        typer.Option("--output", "--json", metavar="FILE", help="Write all metrics as JSON to this file."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page with all metrics and the worst images to this file."),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The images, for the pictures of the page.")
    ] = None,
) -> None:
    """Compare predicted with true label images.

    Prints accuracy, IoU and boundary score in total, per class and per image. --classes and --label-ids are
    those of the true label images, in the order of the network's classes.

    Example: layergraph evaluate --predicted out --truth labels --classes sky,road --html results.html
    """
    from layergraph.data import ImageDatastore, PixelLabelDatastore
    from layergraph.segmentation import evaluate_semantic_segmentation

    # before the images are read, which can take minutes
    format_for(output, "json", {"json": (".json", ".txt")}, "json")
    if html is not None:
        check_extension(html, (".html", ".htm"), "--html")
    if images is not None and html is None:
        raise ArgumentError("--images are for the page of --html FILE; give --html too")
    for file in filter(None, (output, html)):
        check_writable(file)
    names, ids = classes_and_ids(classes, label_ids)
    # segment --overlays leaves pictures in the same folder, which are no label images
    only_labels = sorted(predicted.glob("pixelLabel_*.png")) or predicted
    # the order of a class file can differ from that of training, and indices follow training
    of_network = _network_classes(predicted) or names
    result = evaluate_semantic_segmentation(
        PixelLabelDatastore(only_labels, of_network, range(len(of_network)), ignored_ids=[UNLABELED]),
        PixelLabelDatastore(truth, names, ids, ignored_ids=ignored_values(ignored_ids)),
        metrics="all" if metrics == "all" else [name.strip() for name in metrics.split(",")],
        pair=pair,
        images=None if images is None else ImageDatastore(images),
    )
    print(result)
    if output is not None:
        write_text(json_text(result.to_dict(), indent=2), output, format_="json")
    if html is not None:
        write_text(result.to_html(), html, format_="html")


def _network_classes(folder: Path) -> list[str] | None:
    """The class names that segment wrote beside its label images, or None."""
    file = folder / CLASSES_FILE
    if not file.is_file():
        return None
    try:
        names = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        names = None
    # written by segment, but a user may have edited it
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise DataError(f"{quoted(str(file))} must be a list of class names in JSON; segment writes it again")
    return names
