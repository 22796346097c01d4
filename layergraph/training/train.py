"""train_network: the door to training."""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Literal

import numpy as np

from layergraph.errors import LayergraphError, MissingExtraError, WrongTypeError
from layergraph.graph import LayerGraph
from layergraph.layers.layer import Layer
from layergraph.training.info import TrainingInfo, TrainingWarning
from layergraph.training.log import TrainingLog
from layergraph.training.options import TrainingOptions

if TYPE_CHECKING:
    from layergraph.network import Network
    from layergraph.training.items import TrainingData


def train_network(
    data: TrainingData, lgraph: LayerGraph | Network | Sequence[Layer], options: TrainingOptions
) -> tuple[Network, TrainingInfo]:
    """Train a network, as MATLAB's ``trainNetwork``.

    Args:
        data: pairs (image, target): images combined with labels, a list, or a map-style dataset. Images
            are (height, width, channels), of one size in a mini-batch. Targets are class indices
            (height, width), 255 where unlabelled; for classification a class index; for regression an
            array like the output. They are read anew in every epoch.
        lgraph: what to train. Weights that are attached are where training starts. Of a compiled network
            a copy is trained. A list of layers is a graph in series. It has one input and one output layer.
        options: how to train.

    Returns:
        The trained network, on the CPU and in evaluation mode, and the course of the training. The
        network knows the class names of ``data``. ``net.layer_graph()`` is the graph with the weights.

    Statistics that the input layer needs and does not have are computed from ``data``: per channel, in
    float64. With ``options.verbose`` a log goes to stdout and, in a terminal, a progress bar to stderr.

    A trained network is never lost. Ctrl-C, SIGTERM or SIGHUP end training after the running iteration, with
    the network as it is then (a second Ctrl-C is a ``KeyboardInterrupt``). The first loss that is not finite
    ends training with the network as it was before; :mod:`layergraph.training.divergence` says what that
    costs. All that fails after the last iteration is a ``TrainingWarning``, listed in ``info.warnings``. An
    error between the iterations, such as that of an image which cannot be read, has the network as it is
    then in its attribute ``trained_network``.

    Raises:
        DataError: data that does not fit the network or is damaged; the message names the item. The first
            item, the number and the names of the classes are checked before anything else.
        InvalidNetworkError: a graph that cannot run.
        WrongTypeError: an argument of another type; the message says how to get the right one.
        LayergraphError: nothing to learn, no GPU where one is asked for, or Lightning is not installed.

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
    if not isinstance(options, TrainingOptions):
        raise WrongTypeError(f"options must be TrainingOptions(...), got {type(options).__name__}")
    _require_lightning()
    from layergraph.training.items import Items
    from layergraph.training.module import dtype_of
    from layergraph.training.normalization import initialize_normalization
    from layergraph.training.run import run

    items = Items(data, _graph(lgraph))
    accelerator = _accelerator(options)
    log = TrainingLog(items.metric, shown=options.verbose)
    with _seeded(options.seed):
        net = items.lgraph.compile()
        items.dtype = dtype_of(net)
        log.device("GPU" if accelerator == "gpu" else "CPU")
        initialize_normalization(net, items, log, verbose=options.verbose)
        info = run(net, items, options, log, accelerator)
    for text in info.warnings:
        _warn(text)
    return net, info


def _warn(text: str) -> None:
    try:
        warnings.warn(text, TrainingWarning, stacklevel=3)
    except TrainingWarning:  # where warnings are errors; an error would lose the network
        with suppress(OSError):  # of a terminal that is closed
            print(text, file=sys.stderr)


def _require_lightning() -> None:
    try:
        import lightning  # noqa: F401
    except ImportError:
        raise MissingExtraError(
            'training needs the package lightning, which is not installed: pip install "layergraph[train]"'
        ) from None


def _graph(lgraph: object) -> LayerGraph:
    """What to train as a graph: a list of layers becomes one in series."""
    if isinstance(lgraph, LayerGraph):
        return lgraph
    if isinstance(lgraph, (list, tuple)) and lgraph and all(isinstance(item, Layer) for item in lgraph):
        return LayerGraph(lgraph)
    from torch import nn

    from layergraph.network import Network

    if isinstance(lgraph, Network):
        return lgraph.layer_graph()
    got, cure = f"an object of type {type(lgraph).__name__}", "the order is data, lgraph, options"
    if isinstance(lgraph, nn.Module):
        got = f"a torch module of type {type(lgraph).__name__}"
        cure = (
            "wrap it: [ImageInputLayer(size), ModuleLayer(module), SoftmaxLayer(), "
            "PixelClassificationLayer()]"
        )
    elif isinstance(lgraph, tuple) and any(isinstance(item, (Network, LayerGraph)) for item in lgraph):
        got = f"a tuple ({', '.join(type(item).__name__ for item in lgraph)})"
        index = next(i for i, item in enumerate(lgraph) if isinstance(item, (Network, LayerGraph)))
        cure = f"give its item {index} alone, as in net, info = train_network(...)"
    elif isinstance(lgraph, (list, tuple)) and any(isinstance(item, Layer) for item in lgraph):
        wrong = next(item for item in lgraph if not isinstance(item, Layer))
        got = f"a {type(lgraph).__name__} with an object of type {type(wrong).__name__} among its layers"
        cure = (
            "wrap a torch module in ModuleLayer(module)" if isinstance(wrong, nn.Module) else "leave it out"
        )
    raise WrongTypeError(
        f"train_network: lgraph must be a LayerGraph, a compiled Network or a list of layers, got {got}; "
        f"{cure}"
    )


def _accelerator(options: TrainingOptions) -> Literal["cpu", "gpu"]:
    import torch

    if options.device == "auto":
        return "gpu" if torch.cuda.is_available() else "cpu"
    if options.device == "gpu" and not (torch.cuda.is_available() or torch.backends.mps.is_available()):
        raise LayergraphError("device is 'gpu', but torch finds no GPU here; 'auto' and 'cpu' train without")
    return options.device


@contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """With a seed: all random numbers come from it, and the random states are as before afterwards."""
    if seed is None:
        yield
        return
    import torch

    python, numbers = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        try:
            random.seed(seed)
            np.random.seed(seed)
            torch.manual_seed(seed)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numbers)
