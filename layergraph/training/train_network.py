"""train_network: the public function of training."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast, overload

from layergraph.errors import ArgumentError, MissingExtraError, WrongTypeError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers.layer import Layer
from layergraph.training.call_forms import call_form
from layergraph.training.info import TrainingInfo, TrainingWarning
from layergraph.training.monitor.log import TrainingLog
from layergraph.training.options import TrainingOptions
from layergraph.training.random_state import drawn_seed, seed_process, seeded

if TYPE_CHECKING:
    from layergraph.network.network import Network
    from layergraph.training.batches.training_data import TrainingArray, TrainingData


@overload
def train_network(
    data: TrainingData,
    lgraph: LayerGraph | Network[LayerGraph] | Sequence[Layer],
    options: TrainingOptions,
    *,
    resume_from: str | os.PathLike[str] | None = None,
) -> tuple[Network[LayerGraph], TrainingInfo]: ...
@overload
def train_network(
    images: TrainingArray,
    targets: TrainingArray | Sequence[object],
    lgraph: LayerGraph | Network[LayerGraph] | Sequence[Layer],
    options: TrainingOptions,
    *,
    resume_from: str | os.PathLike[str] | None = None,
) -> tuple[Network[LayerGraph], TrainingInfo]: ...
def train_network(
    *positional: Any, resume_from: str | os.PathLike[str] | None = None, **keywords: Any
) -> tuple[Network[LayerGraph], TrainingInfo]:
    """Train a network, as MATLAB's ``trainNetwork``, on a store of pairs or on two arrays.

    The forms of the call are ``train_network(data, lgraph, options)`` and
    ``train_network(images, targets, lgraph, options)``, both with ``resume_from`` too.

    Args:
        data: pairs (image, target): images combined with labels, a list, or a map-style dataset. Images
            are (height, width, channels), of one size in a mini-batch. Targets are class indices
            (height, width), 255 where unlabeled; for classification a class index; for regression an
            array of the output's size. With several input or output layers, an item has an image per input
            layer and then a target per output layer, in the order of the graph's ``input_names`` and
            ``output_names``, or it is a dict by their names. Every epoch reads them again.
        images, targets: instead of ``data``, an array (N, height, width, channels) and one of as many
            targets: class indices (N, height, width), 255 where unlabeled, or (N,); names of classes; or
            responses. A ``LabelArray``, and names, which are text or a ``Categorical`` of pandas, tell the
            classes; their order is that of the output layer, or else alphabetical, or of the categories.
            Tensors are (N, channels, height, width). For MATLAB's arrays (height, width, channels, N) the
            message says how to move the axis.
        lgraph: the graph. Training starts from its weights, if it has some. Of a compiled network a copy is
            trained. A list of layers is a graph in series.
        options: solver, schedule, validation, checkpoints and device.
        resume_from: a checkpoint, or a folder of checkpoints, whose newest one that can be read counts. The
            training that wrote it goes on from there, with its weights, solver, schedule, order and random
            numbers. On the CPU, the result is bitwise that of a training without interruption. Data, graph
            and options must be the same; ``max_epochs`` may be larger (a warning says so where a schedule
            over all epochs gets other rates).

    Returns:
        The trained network, on the CPU and in evaluation mode, and the course of the training. The
        network knows the class names of ``data``. ``net.layer_graph()`` is the graph with the weights.

    The loss is the sum over the output layers. The accuracy is the mean over those that have classes; without
    any, the RMSE is that of all outputs together.

    Statistics of an input layer that are not its arguments are computed from ``data``, per channel, in
    float64. With ``options.verbose`` a log goes to stdout and, in a terminal, a progress bar to stderr.

    A trained network is never lost. Ctrl-C, SIGTERM or SIGHUP end training after the running iteration and
    return the network (a second Ctrl-C is a ``KeyboardInterrupt``). The first loss that is not finite
    ends training and restores the network from before; :mod:`layergraph.training.divergence` states the
    cost. Every error after the last iteration becomes a ``TrainingWarning``, also in ``info.warnings``. An
    error between the iterations, such as an unreadable image, has the current network in its attribute
    ``trained_network``.

    Raises:
        DataError: the data does not fit the network or is damaged; the message names the item. The first
            item and the number and names of the classes are checked first. Or the checkpoint is that of
            another training; the message lists the differences.
        InvalidNetworkError: the graph cannot run.
        WrongTypeError: an argument has another type; the message says how to get the right one.
        NotEnoughMemoryError: the device has too little memory; the message says what takes less.
        LayergraphError: no parameter can learn, torch finds no GPU for ``execution_environment="gpu"``, or
            Lightning is not installed.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.builders import segnet_layers
    >>> from layergraph.data import combine, triangle_images
    >>> options = TrainingOptions("sgdm", max_epochs=2, mini_batch_size=4, verbose=False, seed=0)
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=8)
    ...     net, info = train_network(combine(images, labels), segnet_layers((32, 32), 2, 1), options)
    >>> net.classes, len(info.training_loss), info.stop_reason
    (('triangle', 'background'), 4, 'Max epochs completed.')
    """
    given = call_form("train_network", ("lgraph", "options"), positional, keywords)
    lgraph, options = given["lgraph"], given["options"]
    if not isinstance(options, TrainingOptions):
        raise WrongTypeError(
            f"train_network: options must be TrainingOptions(...), got {type(options).__name__}"
        )
    # before these imports, whose error would not name the extra to install
    _require_lightning()
    from layergraph.training.batches.items import Items
    from layergraph.training.checkpoints.resume import open_checkpoint
    from layergraph.training.lightning_module import dtype_of
    from layergraph.training.monitor.views import check_log_path
    from layergraph.training.processes.device_choice import choose_devices
    from layergraph.training.processes.start import processes_of, quiet_options
    from layergraph.training.run import run
    from layergraph.training.statistics.input_statistics import initialize_normalization
    from layergraph.training.validation.validation_set import ValidationSet

    check_log_path(options)
    # the data before the device and the log: wrong data prints nothing
    graph = graph_of(lgraph)
    items = Items(pairs_of(given, graph, "train_network"), graph)
    validation = None
    if options.validation_data is not None:
        # with the class names of the training data, since those of the validation must be the same
        validation = ValidationSet(options.validation_data, items.lgraph, options)
    elif options.returns_best:
        raise ArgumentError(
            "train_network: output_network must be 'last-iteration' or 'auto' without validation_data, got "
            "'best-validation-loss'"
        )
    choice = choose_devices(options)
    if options.precision == "16-mixed" and choice.accelerator == "cpu":
        raise ArgumentError(
            "train_network: precision must be 'bf16-mixed', '32-true' or '64-true' on the CPU, got '16-mixed'"
        )
    resume = None
    if resume_from is not None:
        resume = open_checkpoint(resume_from, items.lgraph, options, len(items), choice.num_processes)
    early = resume.warnings if resume else ()
    with processes_of(choice) as processes, seeded(options.seed):
        options = quiet_options(options, processes)
        for text in early if processes.rank == 0 else ():  # before hours of training
            _warn(text)
        log = TrainingLog(items.metric, validation=validation is not None, shown=options.verbose)
        # without a seed, from torch's generator: torch.manual_seed fixes order and transforms, too
        seed = resume.seed if resume else options.seed
        items.seed = processes.first(drawn_seed) if seed is None else seed
        # in the block, since the seed is that of initial weights too
        net = (resume or items).lgraph.compile()
        if options.precision == "64-true":
            net = net.double()
        # known only now, as the dtype is that of the compiled network
        items.dtype = dtype_of(net)
        log.print_device("GPU" if choice.accelerator == "gpu" else "CPU", processes.count)
        if not resume:  # the checkpoint has the statistics
            # the others get them with the weights, before the first iteration
            processes.first(
                lambda: initialize_normalization(
                    net, items, log, verbose=options.verbose, reset=options.reset_input_normalization
                )
            )
        seed_process(items.seed, processes.rank)
        info = run(net, items, options, log, choice, processes, validation, resume)
    for text in info.warnings[len(early) :] if processes.rank == 0 else ():
        _warn(text)
    return net, info


def _warn(text: str) -> None:
    try:
        # the line of the user: 1 is this function, 2 is train_network
        warnings.warn(text, TrainingWarning, stacklevel=3)
    except TrainingWarning:  # warnings are errors here; an error would lose the network
        with suppress(OSError):  # stderr may be closed
            print(text, file=sys.stderr)


def _require_lightning() -> None:
    try:
        import lightning  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            "train_network needs the package lightning, which is not installed: "
            'pip install "layergraph[train]"'
        ) from None


def pairs_of(given: Mapping[str, Any], lgraph: LayerGraph, caller: str) -> TrainingData:
    """The pairs of a call: its data, or its images and targets."""
    from layergraph.training.batches.array_pairs import ArrayPairs

    if "data" in given:
        return cast("TrainingData", given["data"])
    return ArrayPairs(given["images"], given["targets"], lgraph, caller)


def graph_of(lgraph: object) -> LayerGraph:
    """The graph to train; a list of layers becomes a graph in series."""
    if isinstance(lgraph, LayerGraph):
        return lgraph
    if isinstance(lgraph, (list, tuple)) and lgraph and all(isinstance(item, Layer) for item in lgraph):
        return LayerGraph(lgraph)
    from torch import nn

    from layergraph.network.network import Network

    # layer_graph copies the weights, so that the given network stays as it is
    if isinstance(lgraph, Network):
        graph: LayerGraph = lgraph.layer_graph()
        return graph
    got, fix = f"an object of type {type(lgraph).__name__}", "the order is data, lgraph, options"
    if isinstance(lgraph, nn.Module):
        got = f"a torch module of type {type(lgraph).__name__}"
        fix = (
            "wrap it: [ImageInputLayer(size), ModuleLayer(module), SoftmaxLayer(), "
            "PixelClassificationLayer()]"
        )
    elif isinstance(lgraph, tuple) and any(isinstance(item, (Network, LayerGraph)) for item in lgraph):
        got = f"a tuple ({', '.join(type(item).__name__ for item in lgraph)})"
        index = next(i for i, item in enumerate(lgraph) if isinstance(item, (Network, LayerGraph)))
        habit = "net, info = train_network" if isinstance(lgraph[index], Network) else "lgraph = unet_layers"
        fix = f"give its item {index} alone, as in {habit}(...)"
    elif isinstance(lgraph, (list, tuple)) and any(isinstance(item, Layer) for item in lgraph):
        wrong = next(item for item in lgraph if not isinstance(item, Layer))
        got = f"a {type(lgraph).__name__} with an object of type {type(wrong).__name__} among its layers"
        fix = "wrap a torch module in ModuleLayer(module)" if isinstance(wrong, nn.Module) else "leave it out"
    raise WrongTypeError(
        f"train_network: lgraph must be a LayerGraph, a compiled Network or a list of layers, got {got}; "
        f"{fix}"
    )
