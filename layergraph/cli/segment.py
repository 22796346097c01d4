"""The command that segments images with a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from layergraph.cli.output_files import save_text
from layergraph.errors import DataError
from layergraph.json_text import json_text
from layergraph.wording import quoted, visible

CLASSES_FILE = "classes.json"
"""The file beside label images that names the class of each index."""


def input_size(lgraph: Any) -> tuple[int, int]:
    """Height and width of the one input layer of a graph."""
    if len(lgraph.input_names) != 1:
        raise DataError(f"this command needs a network with one input layer, got {len(lgraph.input_names)}")
    height, width, *_ = lgraph[lgraph.input_names[0]].input_size
    return int(height), int(width)


def segment(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A network that layergraph trained.")],
    *,
    images: Annotated[Path, typer.Option(metavar="FOLDER|FILE", help="The images, or one image.")],
    output: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder for the label images.")],
    overlays: Annotated[
        bool, typer.Option("--overlays", help="Also write each image with its labels drawn over it.")
    ] = False,
    resize: Annotated[
        bool,
        typer.Option(
            help="Resize each image to the input size of the network; labels have the size of the image."
        ),
    ] = True,
) -> None:
    """Classify each pixel of images with a trained network.

    The labels of images/x.jpg are out/pixelLabel_x.png: class indices 0, 1, 2, ... in the order of the
    network's classes, whose names are in out/classes.json.

    Example: layergraph segment model.safetensors --images images --output out --overlays
    """
    # imported here, so that --help needs neither NumPy nor torch
    from layergraph.data import ImageDatastore, write_image
    from layergraph.graph.layer_graph import load
    from layergraph.segmentation import AtSize, labeloverlay, semanticseg

    # resolved, since two paths can name one folder
    if images.resolve() == output.resolve():
        raise DataError(
            f"--output must be another folder than --images, got {quoted(str(output))} for both; the next "
            "call would segment the label images"
        )
    lgraph = load(model)
    net = lgraph.compile()
    # networks with fixed sizes, and small objects at another scale, need images as in training
    predictor = AtSize(net, input_size(lgraph)) if resize else net
    store = ImageDatastore(images)
    labels = semanticseg(store, predictor, write_location=output)
    save_text(json_text(labels.classes, indent=2), output / CLASSES_FILE)
    # images and labels are read again one by one, so that memory holds one of each
    for index, file in enumerate(labels.files if overlays else ()):
        try:
            picture = labeloverlay(store[index], labels[index])
        except DataError as error:
            raise DataError(f"{visible(str(store.files[index]))}: {error}") from None
        # replaced once, since the name of the image may contain the word too
        write_image(output / file.name.replace("pixelLabel", "overlay", 1), picture)
    classes = visible(", ".join(labels.classes))
    print(f"wrote {len(labels)} label images to {visible(str(output))}; classes: {classes}")
