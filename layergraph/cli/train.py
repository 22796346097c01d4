"""The command that trains a network."""

from __future__ import annotations

import os
import signal
import tempfile
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from layergraph.cli.class_options import (
    ClassesOption,
    IgnoredIdsOption,
    LabelIdsOption,
    PairOption,
    classes_and_ids,
    ignored_values,
)
from layergraph.cli.messages import print_note
from layergraph.cli.network_command import NetworkArgument, NetworkCommand, is_file, network
from layergraph.cli.output_files import print_path
from layergraph.cli.segment import input_size
from layergraph.errors import DataError, LayergraphError
from layergraph.extensions import check_extension
from layergraph.graph.layer_graph import LayerGraph
from layergraph.wording import quoted, visible


class TrainCommand(NetworkCommand):
    """A command that knows the size of the images and the number of classes from its data."""

    from_data = ("image_size", "num_classes")


def train(
    context: typer.Context,
    network_: NetworkArgument,
    *,
    images: Annotated[Path, typer.Option(metavar="FOLDER", help="The images.")],
    labels: Annotated[Path, typer.Option(metavar="FOLDER", help="The label images, one per image.")],
    classes: ClassesOption,
    label_ids: LabelIdsOption = None,
    ignored_ids: IgnoredIdsOption = None,
    pair: PairOption = "name",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file of the trained network; by default model.safetensors, and for a NETWORK that is "
            "a file, NAME-trained.safetensors.",
        ),
    ] = None,
    solver: Annotated[
        Literal["sgdm", "adam", "rmsprop"], typer.Option(help="The rule that updates the weights.")
    ] = "sgdm",
    initial_learn_rate: Annotated[
        float | None, typer.Option(help="Learning rate; by default 0.01 for sgdm, else 0.001.")
    ] = None,
    max_epochs: Annotated[int, typer.Option(min=1, help="Passes over all images.")] = 30,
    mini_batch_size: Annotated[int, typer.Option(min=1, help="Images per iteration.")] = 8,
    verbose_frequency: Annotated[int, typer.Option(min=1, help="Iterations per printed line.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the initial weights and the order of the images.")] = 0,
    class_weights: Annotated[
        bool | None,
        typer.Option(
            help="Weigh rare classes more, by median frequency, or not; by default yes, but a NETWORK that "
            "is a file and names its classes keeps its own weights."
        ),
    ] = None,
) -> None:
    """Train a network on images with pixel labels, and save it.

    A NETWORK that is a file is trained further, with the loss that it has. The images are resized to the
    input size of the network. Ctrl-C, SIGTERM and SIGHUP end training after the running iteration, and the
    network is saved. Exit status 1 if the loss is no longer finite; 143 after SIGTERM.

    Example: layergraph train segnet --images images --labels labels --classes sky,road
    --image-size 120 160 3 --encoder-depth 3 --max-epochs 10
    """
    from layergraph.atomic import check_writable
    from layergraph.data import ImageDatastore, PixelLabelDatastore, combine, resize_pair
    from layergraph.graph.file_format import EXTENSIONS
    from layergraph.training import TrainingOptions, TrainingWarning, train_network
    from layergraph.training.interrupts import stop_request
    from layergraph.training.unfinished_network import unfinished_network

    # once before the images are read, and once when the size of the file is known: a fault that shows only
    # after hours of training would lose them
    path = output or default_output(network_)
    check_extension(path, EXTENSIONS, "--output")
    check_writable(path)
    names, ids = classes_and_ids(classes, label_ids)
    pixel_labels = PixelLabelDatastore(labels, names, ids, ignored_ids=ignored_values(ignored_ids))
    pairs = combine(ImageDatastore(images), pixel_labels, pair=pair)
    # by default the size of the first image, to which the others are resized
    from_data = {} if is_file(network_) else {"image_size": pairs[0][0].shape, "num_classes": len(names)}
    # with weights, since a file is trained further
    lgraph = network(network_, context.args, weights=True, from_data=from_data)
    check_writable(path, size=num_bytes(lgraph))
    options = TrainingOptions(
        solver,
        initial_learn_rate=initial_learn_rate,
        max_epochs=max_epochs,
        mini_batch_size=mini_batch_size,
        verbose_frequency=verbose_frequency,
        shuffle="every-epoch",
        seed=seed,
    )
    lgraph = fit_loss(lgraph, pixel_labels, class_weights)
    # image by image while training reads them, so that memory does not hold all
    resized = pairs.transform(partial(resize_pair, size=input_size(lgraph)))
    # signals that end a process are held from the first iteration until the network is in its file
    with stop_request() as stop, warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # printed below, after the network is saved
        try:
            net, info = train_network(resized, lgraph, options)
        except Exception as error:
            if (unfinished := unfinished_network(error)) is not None:
                save_somewhere(unfinished.layer_graph(), path)
                print_path(path)
            if isinstance(error, DataError):  # its notes name the file
                raise DataError("; ".join([str(error), *getattr(error, "__notes__", ())])) from error
            raise
        # before anything is printed, because the terminal may be closed
        save_somewhere(net.layer_graph(), path)
    for text in info.warnings:
        print_note(text)
    print_path(path)
    if info.stop_reason == "Loss is not finite.":
        raise typer.Exit(1)
    # Ctrl-C asks for the end, so it is a success; other signals report themselves as shells do
    if stop.received not in (None, signal.SIGINT):
        raise typer.Exit(128 + stop.received)


def default_output(network_: str) -> Path:
    """The file of the trained network, which is not the file that NETWORK names.

    >>> default_output("unet").name, default_output("models/model.safetensors").name
    ('model.safetensors', 'model-trained.safetensors')
    """
    return Path(f"{Path(network_).stem}-trained.safetensors" if is_file(network_) else "model.safetensors")


def num_bytes(lgraph: LayerGraph) -> int:
    """The least size of a file of the weights."""
    from layergraph.analyze import analyze_network

    # float32 has 4 bytes
    return 4 * (analyze_network(lgraph).total_learnables or 0)


def save_somewhere(lgraph: LayerGraph, path: Path) -> None:
    """Save a network at ``path``, or else in any folder that takes it, since hours of training are in it.

    Raises:
        OSError: the network is in another file, or in none; the message has its path and the reason.
    """
    try:
        lgraph.save(path)
        return
    except (OSError, LayergraphError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    for folder in (Path.cwd(), Path(tempfile.gettempdir()), Path.home()):
        # the process id keeps two trainings that end at once apart
        elsewhere = folder / f"layergraph-{os.getpid()}.safetensors"
        try:
            lgraph.save(elsewhere)
        except OSError:
            continue
        # an error even so, since scripts look for the network at the path they gave
        raise OSError(
            f"the trained network cannot be written to {quoted(str(path))} ({visible(reason)}); it is in "
            f"{quoted(str(elsewhere))}"
        )
    raise OSError(
        f"the trained network cannot be written to {quoted(str(path))} ({visible(reason)}), nor to the "
        "working, temporary or home folder; it is lost"
    )


def fit_loss(lgraph: LayerGraph, labels: Any, weighted: bool | None) -> LayerGraph:
    """The graph with the classes of the labels in its loss, weighted by median frequency or not.

    Args:
        lgraph: the graph; its loss stays of the same kind.
        labels: the datastore of the labels.
        weighted: whether to weigh. None weighs a loss without classes, as builders give it, and keeps any
            other: weights that the user chose must not change unasked.

    Raises:
        DataError: the loss has other classes, or these in another order, or takes no label images.
    """
    from layergraph.data import count_each_label, median_frequency_weights
    from layergraph.training.batches.class_names import check_class_names

    if len(lgraph.output_names) != 1:
        raise DataError(f"training needs a network with one output layer, got {len(lgraph.output_names)}")
    loss: Any = lgraph[lgraph.output_names[0]]
    if not getattr(loss, "per_pixel", False):
        raise DataError(
            f"the loss {quoted(loss.name)} must take a class per pixel, got {type(loss).__name__}; replace "
            "it by a PixelClassificationLayer, or train with train_network"
        )
    check_class_names(labels.classes, loss)
    if weighted is None and loss.classes != "auto":
        print_note(
            f"layer {quoted(loss.name)} keeps its loss, {loss.description}; --class-weights computes class "
            "weights from the labels"
        )
        return lgraph
    weights: Any = "none" if weighted is False else median_frequency_weights(count_each_label(labels))
    return lgraph.replace_layer(loss.name, replace(loss, classes=labels.classes, class_weights=weights))
