"""The command that trains a network."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import warnings
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from layergraph.cli.analyze import NetworkArgument
from layergraph.cli.builder_options import (
    ClassesOption,
    IgnoredIdsOption,
    LabelIdsOption,
    Pair,
    PairOption,
    classes_and_ids,
    ignored_values,
    is_file,
    network,
    with_builder_arguments,
)
from layergraph.cli.segment import input_size
from layergraph.cli.writing import say_written
from layergraph.errors import DataError, LayergraphError
from layergraph.extensions import check_extension
from layergraph.graph.layer_graph import LayerGraph
from layergraph.wording import quoted, visible

ImagesOption = Annotated[Path, typer.Option(metavar="FOLDER", help="The images.")]
LabelsOption = Annotated[Path, typer.Option(metavar="FOLDER", help="The label images, one for each image.")]


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
    ignored_ids: IgnoredIdsOption = None,
    pair: PairOption = Pair.by_name,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Where the trained network goes; by default model.safetensors, and for a NETWORK that is a "
            "file, NAME-trained.safetensors.",
        ),
    ] = None,
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
    Ctrl-C, or a signal to end, saves the network as it is after the running step. Exit status 1 if the loss
    is no longer finite; 143 after SIGTERM.

    [bold]Example:[/bold] layergraph train segnet --images images --labels labels --classes sky,road
    --image-size 120 160 3 --encoder-depth 3 --max-epochs 10
    """
    from layergraph.atomic import check_writable
    from layergraph.data import ImageDatastore, PixelLabelDatastore, combine, resize_pair
    from layergraph.graph.file_format import EXTENSIONS
    from layergraph.training import TrainingOptions, TrainingWarning, train_network
    from layergraph.training.interrupts import stop_request
    from layergraph.training.unfinished_network import unfinished_network

    path = output or default_output(network_)
    check_extension(path, EXTENSIONS, "--output")
    check_writable(path)
    names, ids = classes_and_ids(classes, label_ids)
    pixel_labels = PixelLabelDatastore(labels, names, ids, ignored_ids=ignored_values(ignored_ids))
    pairs = combine(ImageDatastore(images), pixel_labels, pair=pair.value)
    if not is_file(network_):
        arguments.setdefault("image_size", pairs[0][0].shape)
        arguments.setdefault("num_classes", len(names))
    lgraph = network(network_, arguments, weights=True)
    check_writable(path, size=num_bytes(lgraph))
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
    # the signals that end a process are kept from the first step until the network is in its file
    with stop_request() as stop, warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # shown below
        try:
            net, info = train_network(resized, lgraph, options)
        except Exception as error:
            if (unfinished := unfinished_network(error)) is not None:
                save_somewhere(unfinished.layer_graph(), path)
                say_written(path)
            if isinstance(error, DataError):  # the notes name the file
                raise DataError("; ".join([str(error), *getattr(error, "__notes__", ())])) from error
            raise
        save_somewhere(net.layer_graph(), path)  # first: the terminal may be closed
    for text in info.warnings:
        print(f"layergraph: {text}", file=sys.stderr)
    say_written(path)
    if info.stop_reason == "Loss is not finite.":
        raise typer.Exit(1)
    if stop.received not in (None, signal.SIGINT):
        raise typer.Exit(128 + stop.received)


def default_output(network_: str) -> Path:
    """A file that is not the one to train further.

    >>> default_output("unet").name, default_output("models/model.safetensors").name
    ('model.safetensors', 'model-trained.safetensors')
    """
    return Path(f"{Path(network_).stem}-trained.safetensors" if is_file(network_) else "model.safetensors")


def num_bytes(lgraph: LayerGraph) -> int:
    """What the weights take in a file, at least."""
    from layergraph.analyze import analyze_network

    return 4 * (analyze_network(lgraph).total_learnables or 0)


def save_somewhere(lgraph: LayerGraph, path: Path) -> None:
    """Save a network at ``path``, or else wherever it can be; hours of training are in it.

    Raises:
        OSError: it is elsewhere, or nowhere; the message says where and why.
    """
    try:
        lgraph.save(path)
        return
    except (OSError, LayergraphError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    for folder in (Path.cwd(), Path(tempfile.gettempdir()), Path.home()):
        elsewhere = folder / f"layergraph-{os.getpid()}.safetensors"
        try:
            lgraph.save(elsewhere)
        except OSError:
            continue
        raise OSError(
            f"the trained network cannot be written to {quoted(str(path))} ({visible(reason)}); it is in "
            f"{quoted(str(elsewhere))}"
        )
    raise OSError(
        f"the trained network cannot be written to {quoted(str(path))} ({visible(reason)}), nor to the "
        "working, temporary or home folder; it is lost"
    )


def with_classes(lgraph: LayerGraph, labels: Any, weighted: bool) -> LayerGraph:
    """The graph with a loss that knows the classes of the labels, weighted by median frequency or not.

    Raises:
        DataError: the loss has other classes, or these in another order.
    """
    from layergraph.data import count_each_label, median_frequency_weights
    from layergraph.layers import PixelClassificationLayer
    from layergraph.training.class_names import expect_class_names

    if len(lgraph.output_names) != 1:
        raise DataError(f"training needs a network with one output layer, it has {len(lgraph.output_names)}")
    name = lgraph.output_names[0]
    expect_class_names(labels.classes, lgraph[name])
    weights: Any = median_frequency_weights(count_each_label(labels)) if weighted else "none"
    loss = PixelClassificationLayer(name=name, classes=labels.classes, class_weights=weights)
    return lgraph.replace_layer(name, loss)
