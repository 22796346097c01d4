"""The commands that work on images: train, segment, evaluate."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from layergraph.cli.arguments import (
    ClassesOption,
    LabelIdsOption,
    classes_and_ids,
    is_file,
    network,
    with_builder_arguments,
)
from layergraph.cli.networks import NetworkArgument
from layergraph.cli.output import say_written, write_text
from layergraph.errors import DataError

ImagesOption = Annotated[Path, typer.Option(metavar="FOLDER", help="The images.")]
LabelsOption = Annotated[
    Path, typer.Option(metavar="FOLDER", help="The label images, in the same order as the images.")
]


class Solver(StrEnum):
    """How weights are updated."""

    sgdm = "sgdm"
    adam = "adam"
    rmsprop = "rmsprop"


@with_builder_arguments
def train(
    network_: NetworkArgument,
    *,
    images: ImagesOption,
    labels: LabelsOption,
    classes: ClassesOption,
    label_ids: LabelIdsOption = None,
    output: Annotated[Path, typer.Option(metavar="FILE", help="Where the trained network goes.")] = Path(
        "model.safetensors"
    ),
    solver: Annotated[Solver, typer.Option(help="How weights are updated.")] = Solver.sgdm,
    initial_learn_rate: Annotated[
        float | None, typer.Option(help="Learning rate; by default 0.01 for sgdm, else 0.001.")
    ] = None,
    max_epochs: Annotated[int, typer.Option(min=1, help="How often each image is seen.")] = 30,
    mini_batch_size: Annotated[int, typer.Option(min=1, help="Images in each step.")] = 8,
    verbose_frequency: Annotated[int, typer.Option(min=1, help="Print a line every so many steps.")] = 10,
    seed: Annotated[int, typer.Option(help="For initial weights and the order of the images.")] = 0,
    class_weights: Annotated[bool, typer.Option(help="Weigh rare classes more, by median frequency.")] = True,
    arguments: dict[str, Any],
) -> None:
    """Train a network on images with pixel labels, and save it.

    Images of another size than --image-size are resized to it. A NETWORK that is a file is trained further.

    [bold]Example:[/bold] layergraph train segnet --images images --labels labels --classes sky,road
    --image-size 120 160 3 --encoder-depth 3 --max-epochs 10
    """
    from layergraph.data import ImageDatastore, PixelLabelDatastore, combine, resize_pair
    from layergraph.training import TrainingOptions, train_network

    names, ids = classes_and_ids(classes, label_ids)
    pixel_labels = PixelLabelDatastore(labels, names, ids)
    pairs = combine(ImageDatastore(images), pixel_labels)
    if not is_file(network_):
        arguments.setdefault("image_size", pairs[0][0].shape)
        arguments.setdefault("num_classes", len(names))
    lgraph = network(network_, arguments, weights=True)
    options = TrainingOptions(
        solver.value,
        initial_learn_rate=initial_learn_rate,
        max_epochs=max_epochs,
        mini_batch_size=mini_batch_size,
        verbose_frequency=verbose_frequency,
        shuffle="every-epoch",
        seed=seed,
    )
    lgraph = with_classes(lgraph, pixel_labels, class_weights)
    resized = pairs.transform(partial(resize_pair, size=input_size(lgraph)))
    net, _ = train_network(resized, lgraph, options)
    net.layer_graph().save(output)
    say_written(output)


def with_classes(lgraph: Any, labels: Any, weighted: bool) -> Any:
    """The graph with a loss that knows the classes of the labels, weighted by median frequency or not."""
    from layergraph.data import count_each_label, median_frequency_weights
    from layergraph.layers import PixelClassificationLayer

    if len(lgraph.output_names) != 1:
        raise DataError(f"training needs a network with one output layer, it has {len(lgraph.output_names)}")
    name = lgraph.output_names[0]
    weights: Any = median_frequency_weights(count_each_label(labels)) if weighted else "none"
    loss = PixelClassificationLayer(name=name, classes=labels.classes, class_weights=weights)
    return lgraph.replace_layer(name, loss)


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

    Label images hold class indices 0, 1, 2, ... in the order of the network's classes.

    [bold]Example:[/bold] layergraph segment model.safetensors --images images --output out --overlays
    """
    from layergraph.data import ImageDatastore, write_image
    from layergraph.files import load
    from layergraph.segmentation import AtSize, labeloverlay, semanticseg

    lgraph = load(model)
    net = lgraph.compile()
    predictor = AtSize(net, input_size(lgraph)) if resize else net
    store = ImageDatastore(images)
    labels = semanticseg(store, predictor, write_location=output)
    for index, file in enumerate(labels.files if overlays else ()):
        write_image(
            output / f"overlay_{file.stem.rpartition('_')[2]}.png", labeloverlay(store[index], labels[index])
        )
    print(f"wrote {len(labels)} label images to {output}; classes: {', '.join(labels.classes)}")


def evaluate(
    *,
    predicted: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Label images of class indices, from segment.")
    ],
    truth: Annotated[Path, typer.Option(metavar="FOLDER", help="The true label images, in the same order.")],
    classes: ClassesOption,
    label_ids: LabelIdsOption = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write everything as JSON to this file.")
    ] = None,
) -> None:
    """Compare predicted with true label images: accuracy and IoU, of all, of each class, of each image.

    --label-ids are those of the true label images.

    [bold]Example:[/bold] layergraph evaluate --predicted out --truth labels --classes sky,road
    """
    import json

    from layergraph.data import PixelLabelDatastore
    from layergraph.segmentation import evaluate_semantic_segmentation

    names, ids = classes_and_ids(classes, label_ids)
    only_labels = sorted(predicted.glob("pixelLabel_*.png")) or predicted
    metrics = evaluate_semantic_segmentation(
        PixelLabelDatastore(only_labels, names, range(len(names))), PixelLabelDatastore(truth, names, ids)
    )
    print(metrics)
    if output is not None:
        write_text(json.dumps(metrics.to_dict(), indent=2), output)
