"""The command that trains a network."""

from __future__ import annotations

import signal
import warnings
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from layergraph.cli.class_options import IgnoredIdsOption, LabelIdsOption
from layergraph.cli.messages import print_note
from layergraph.cli.network_command import NetworkCommand, is_file
from layergraph.cli.output_files import print_path
from layergraph.cli.segment import input_size
from layergraph.cli.trained_files import check_files, default_output, num_bytes, save_run, save_somewhere
from layergraph.cli.training_loss import fit_loss, with_loss
from layergraph.cli.training_options import training_names, training_options, training_parameters
from layergraph.cli.training_request import TrainingRequest, training_request
from layergraph.errors import DataError
from layergraph.extensions import check_extension
from layergraph.wording import visible

_SHIFTS = (-10, 10)  # pixels, as in MATLAB's examples
_TRAINING = "layergraph.training"  # a key of ``context.meta``


class TrainCommand(NetworkCommand):
    """A command that knows the size of the images and the number of classes from its data."""

    from_data = ("image_size", "num_classes")

    def get_params(self, ctx: Any) -> list[Any]:
        # not in the signature of the function: TrainingOptions costs the import of NumPy, and other commands
        # have no use for it
        own = super().get_params(ctx)
        return [*own[:-1], *training_parameters(), own[-1]]  # --help stays the last one

    def invoke(self, ctx: Any) -> Any:
        # out of the arguments of the function, of which Typer knows those of the signature alone
        ctx.meta[_TRAINING] = {name: ctx.params.pop(name, None) for name in training_names()}
        return super().invoke(ctx)


def train(
    context: typer.Context,
    network: Annotated[
        str | None,
        typer.Argument(
            metavar="NETWORK",
            help="A builder, such as unet (layergraph builders lists them), or a file that layergraph saved.",
        ),
    ] = None,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A TOML file with the values of any options, under their names with _ for -; tables: "
            "[training] for the options of training, [builder] for those of the network. Options given "
            "here win.",
        ),
    ] = None,
    images: Annotated[str | None, typer.Option(metavar="FOLDER", help="The images.  [required]")] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="The label images, one per image.  [required]")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES|FILE",
            help="Class names such as sky,road; or a file with one line 'id name' or 'R G B name' per "
            "class.  [required]",
        ),
    ] = None,
    label_ids: LabelIdsOption = None,
    ignored_ids: IgnoredIdsOption = None,
    pair: Annotated[
        Literal["name", "order"] | None,
        typer.Option(help="Pair the files by their names, or in their order.  [default: name]"),
    ] = None,
    validation_images: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Images to validate on while training.")
    ] = None,
    validation_labels: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="The label images of --validation-images.")
    ] = None,
    validation_fraction: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="The share of the images, chosen by --seed, to validate on instead."
        ),
    ] = None,
    skip_faulty: Annotated[
        bool | None,
        typer.Option(
            "--skip-faulty/--no-skip-faulty",
            help="Read all files before training, as layergraph check-data does, and leave out pairs with "
            "errors; a list says which.",
        ),
    ] = None,
    augment: Annotated[
        bool | None,
        typer.Option(
            "--augment/--no-augment",
            help="Reflect the images to train on left and right at random, and move them by up to 10 pixels, "
            "with their labels.",
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The file of the trained network; by default model.safetensors, and for a NETWORK that is "
            "a file, NAME-trained.safetensors. A file .toml beside it records the run.",
        ),
    ] = None,
    loss: Annotated[
        Literal["crossentropy", "dice", "focal"] | None,
        typer.Option(help="The loss instead of that of NETWORK; dice and focal take no class weights."),
    ] = None,
    class_weights: Annotated[
        bool | None,
        typer.Option(
            "--class-weights/--no-class-weights",
            help="Weigh rare classes more, or not; by default yes, but a NETWORK that is a file and names "
            "its classes keeps its own weights.",
        ),
    ] = None,
    class_weights_by: Annotated[
        Literal["median-frequency", "inverse-frequency", "effective-number"] | None,
        typer.Option(help="How class weights come from pixel counts.  [default: median-frequency]"),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Continue the training of a checkpoint, or of the newest one in a folder, bit for bit; the "
            "other options must be those of that run.",
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
    given = {
        "network": network,
        "images": images,
        "labels": labels,
        "classes": classes,
        "label_ids": label_ids,
        "ignored_ids": ignored_ids,
        "pair": pair,
        "validation_images": validation_images,
        "validation_labels": validation_labels,
        "validation_fraction": validation_fraction,
        "skip_faulty": skip_faulty,
        "augment": augment,
        "output": output,
        "loss": loss,
        "class_weights": class_weights,
        "class_weights_by": class_weights_by,
    }
    run_training(training_request(given, context.meta[_TRAINING], context.args, config), resume)


def run_training(request: TrainingRequest, resume: Path | None = None) -> None:
    """Train as requested, save the network and its record, and report both.

    ``resume`` is a checkpoint to continue from, or a folder of checkpoints.

    Raises:
        typer.Exit: the training ended by a signal or by a loss that is not finite.
        LayergraphError, OSError: something cannot be read, trained or written; the message says what was
            saved.
    """
    from layergraph.atomic import check_writable
    from layergraph.cli.training_data import run_data
    from layergraph.data import augment_image_and_label, resize_pair
    from layergraph.graph.file_format import EXTENSIONS
    from layergraph.training import TrainingWarning, train_network
    from layergraph.training.interrupts import stop_request
    from layergraph.training.processes.start import is_first_process
    from layergraph.training.unfinished_network import unfinished_network

    values, network_ = request.values, request.network
    # once before the images are read, and once when the size of the file is known: a fault that shows only
    # after hours of training would lose them
    path = Path(values["output"]) if values.get("output") is not None else default_output(network_)
    check_extension(path, EXTENSIONS, "--output")
    check_writable(path)
    check_files(path, network_, request.config, changed=request.changed)
    options = training_options(request.training)
    data = run_data(values, options.seed)
    # by default the size of the first image, to which the others are resized
    size = data.training[0][0].shape
    from_data = {} if is_file(network_) else {"image_size": size, "num_classes": len(data.labels.classes)}
    lgraph = request.graph(from_data)
    if values.get("loss"):
        lgraph = with_loss(lgraph, values["loss"])
    check_writable(path, size=num_bytes(lgraph))
    method = values.get("class_weights_by") or "median-frequency"
    lgraph = fit_loss(lgraph, data.labels, values.get("class_weights"), method)
    # image by image while training reads them, so that memory does not hold all
    resize = partial(resize_pair, size=input_size(lgraph))
    resized = data.training.transform(resize)
    if values.get("augment"):
        moved = partial(augment_image_and_label, x_translation=_SHIFTS, y_translation=_SHIFTS)
        resized = resized.transform(moved)
    if data.validation is not None:
        options = replace_validation(options, data.validation.transform(resize))
    # signals that end a process are held from the first iteration until the network is in its file
    with stop_request() as stop, warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)  # printed below, after the network is saved
        try:
            net, info = train_network(resized, lgraph, options, resume_from=resume)
        except Exception as error:
            if (unfinished := unfinished_network(error)) is not None and is_first_process():
                save_somewhere(unfinished.layer_graph(), path)
                print_path(path)
            if isinstance(error, DataError):  # its notes name the file
                raise DataError("; ".join([str(error), *getattr(error, "__notes__", ())])) from error
            raise
        if not is_first_process():
            return
        # before anything is printed, because the terminal may be closed
        save_somewhere(net.layer_graph(), path, (info, options))
        record = save_run(path, request.record(options)) if request.needs_record(path) else None
    for text in info.warnings:
        print_note(text)
    if record is not None:
        print(
            f"wrote {visible(str(record))}: layergraph train --config {visible(str(record))} repeats the run"
        )
    print_path(path)
    if info.stop_reason == "Loss is not finite.":
        raise typer.Exit(1)
    # Ctrl-C asks for the end, so it is a success; other signals report themselves as shells do
    if stop.received not in (None, signal.SIGINT):
        raise typer.Exit(128 + stop.received)


def replace_validation(options: Any, store: Any) -> Any:
    """The options with validation data."""
    from dataclasses import replace

    return replace(options, validation_data=store)
