"""The command that trains a network."""

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
from layergraph.cli.output import say_written
from layergraph.cli.segmentation import input_size
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
