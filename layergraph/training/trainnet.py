"""trainnet: training of a network without an output layer, with a loss by name or function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np

from layergraph.errors import ArgumentError, InvalidNetworkError, LayergraphError, WrongTypeError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import infer_sizes, network_outputs
from layergraph.layers import (
    ClassificationLayer,
    LossLayer,
    OutputLayer,
    PixelClassificationLayer,
    RegressionLayer,
    arguments,
)
from layergraph.layers.layer import Layer
from layergraph.sizes import Size
from layergraph.training.call_forms import call_form
from layergraph.training.info import TrainingInfo
from layergraph.training.options import TrainingOptions
from layergraph.training.train_network import graph_of, pairs_of, train_network
from layergraph.wording import quoted

if TYPE_CHECKING:
    from torch import Tensor

    from layergraph.network.network import Network
    from layergraph.training.batches.training_data import TrainingArray, TrainingData

Loss = str | Callable[..., Any] | OutputLayer


@overload
def trainnet(
    data: TrainingData,
    net: LayerGraph | Network[LayerGraph] | Sequence[Layer],
    loss: Loss | Sequence[Loss],
    options: TrainingOptions,
) -> tuple[Network[LayerGraph], TrainingInfo]: ...
@overload
def trainnet(
    images: TrainingArray,
    targets: TrainingArray | Sequence[object],
    net: LayerGraph | Network[LayerGraph] | Sequence[Layer],
    loss: Loss | Sequence[Loss],
    options: TrainingOptions,
) -> tuple[Network[LayerGraph], TrainingInfo]: ...
def trainnet(*positional: Any, **keywords: Any) -> tuple[Network[LayerGraph], TrainingInfo]:
    """Train a network without an output layer, as MATLAB's ``trainnet``, on pairs or on two arrays.

    The forms of the call are ``trainnet(data, net, loss, options)`` and
    ``trainnet(images, targets, net, loss, options)``.

    Args:
        data, images, targets: as in :func:`train_network`; targets of classes are class indices or names, or
            one-hot or soft.
        net: the graph, network or list of layers.
        loss: for all outputs, or a list with one per output. ``"crossentropy"`` and ``"index-crossentropy"``
            are the loss of a ``PixelClassificationLayer``, or of a ``ClassificationLayer`` where the output
            is a vector or 1×1: the mean over the labeled pixels or observations, after a softmax. Their
            targets are class indices, or probabilities (height, width, classes) or (classes,), all 0 or all
            NaN where unlabeled. ``"mse"`` or ``"mean-squared-error"`` is that of a ``RegressionLayer``,
            Σ (t - y)² / 2 per observation; ``"l2loss"`` is Σ (t - y)², and ``"mae"``,
            ``"mean-absolute-error"``, ``"l1loss"`` or ``"l1"`` is Σ abs(t - y); ``"huber"`` is between them,
            (t - y)² / 2 up to a difference of 1 and abs(t - y) - 1/2 beyond. ``"binary-crossentropy"`` takes
            the results of a sigmoid, and is the mean over all numbers. Or a function of scores and target, as
            in a ``LossLayer``, whose targets are class indices if those of the first item are whole numbers
            without an axis of classes; or an output layer.
        options: as in :func:`train_network`.

    Returns:
        The trained network, without an output layer, and the course of the training.

    Raises:
        ArgumentError: the network has an output layer, or the loss is unknown.
        DataError, InvalidNetworkError, LayergraphError: as in :func:`train_network`.

    >>> import numpy as np
    >>> from layergraph import Convolution2dLayer, ImageInputLayer, SoftmaxLayer
    >>> layers = [ImageInputLayer((8, 8, 1)), Convolution2dLayer(3, 2, padding="same"), SoftmaxLayer()]
    >>> images = np.random.default_rng(0).random((6, 8, 8, 1))
    >>> options = TrainingOptions("adam", max_epochs=2, verbose=False, seed=0)
    >>> net, info = trainnet(images, (images[..., 0] > 0.5).astype(int), layers, "crossentropy", options)
    >>> len(info.training_loss), net.layer_graph().output_names
    (2, ())
    """
    given = call_form("trainnet", ("net", "loss", "options"), positional, keywords)
    loss, options = given["loss"], given["options"]
    with _own_words({}):
        lgraph = graph_of(given["net"])
    if lgraph.output_names:
        raise ArgumentError(
            f"trainnet: net must have no output layer, got {lgraph.output_names[0]!r}; remove it, or train "
            "with train_network"
        )
    sizes = infer_sizes(lgraph, "network")
    if sizes.errors:
        raise InvalidNetworkError(sizes.errors)
    outputs = tuple(network_outputs(lgraph))
    losses = list(loss) if isinstance(loss, (list, tuple)) else [cast(Loss, loss)] * len(outputs)
    if len(losses) != len(outputs):
        raise ArgumentError(
            f"trainnet: loss must be one for all outputs, or {len(outputs)} (one per output), got "
            f"{len(losses)}"
        )
    # read only for functions, whose targets it decides
    first = _first_item(given, lgraph) if any(callable(one) for one in losses) else ()
    added: list[str] = []
    for number, (name, one) in enumerate(zip(outputs, losses, strict=True)):
        size = sizes.outputs[name][0]
        assert size is not None
        layer = _output_layer(one, size, _is_index(first, len(lgraph.input_names) + number, size))
        before = set(lgraph)
        lgraph = lgraph.add_layers(layer)
        added += [new for new in lgraph if new not in before]
        lgraph = lgraph.connect_layers(name, added[-1])
    sources = {name: value for name, value in given.items() if name in ("data", "images", "targets")}
    with _own_words(dict(zip(added, outputs, strict=True))):
        trained, info = train_network(**sources, lgraph=lgraph, options=options)
    return trained.layer_graph().remove_layers(added).compile().eval(), info


@contextmanager
def _own_words(outputs: Mapping[str, str]) -> Iterator[None]:
    """Word errors of ``train_network`` for the call of ``trainnet``, which has other names.

    Args:
        outputs: the layer that each added output layer follows, which is the one that the user knows.
    """
    try:
        yield
    except LayergraphError as error:
        words = {
            "train_network: lgraph": "trainnet: net",
            "train_network": "trainnet",
            "data, lgraph, options": "data, net, loss, options",
            ", PixelClassificationLayer()]": "]",
        }
        for added, output in outputs.items():
            words |= {f"layer {quoted(added)}": f"the output of {quoted(output)}"}
            words |= {f"error at {quoted(added)}": f"error at the output of {quoted(output)}"}
        text = str(error.args[0])
        for old, new in words.items():
            text = text.replace(old, new)
        error.args = (text, *error.args[1:])
        raise


def _output_layer(loss: Loss, size: Size, is_index: bool) -> OutputLayer:
    """The output layer with a loss, for scores of a size."""
    if isinstance(loss, OutputLayer):
        return loss
    is_vector = not set(size.spatial) - {1}
    if callable(loss):
        target = ("observations" if is_vector else "pixels") if is_index else "responses"
        return LossLayer(loss, target=cast(Any, target))
    if not isinstance(loss, str):
        raise WrongTypeError(
            f"trainnet: loss must be a word, a function or an output layer, got {type(loss).__name__}; the "
            "order is data, net, loss, options"
        )
    words = ("crossentropy", "index-crossentropy", "mse", "mean-squared-error", *_FUNCTIONS)
    word = arguments.choice("trainnet", "loss", loss, words)
    if word in ("crossentropy", "index-crossentropy"):
        return ClassificationLayer() if is_vector else PixelClassificationLayer()
    if word in ("mse", "mean-squared-error"):
        return RegressionLayer()
    return LossLayer(_FUNCTIONS[word], target="responses")


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """The squared error, summed over each observation and averaged over the observations."""
    return (prediction - target).square().sum() / prediction.shape[0]


def huber(prediction: Tensor, target: Tensor) -> Tensor:
    """The Huber loss with a transition at 1, summed and averaged as the squared error."""
    from torch.nn import functional

    return functional.huber_loss(prediction, target, reduction="sum") / prediction.shape[0]


def absolute_error(prediction: Tensor, target: Tensor) -> Tensor:
    """The absolute error, summed over each observation and averaged over the observations."""
    return (prediction - target).abs().sum() / prediction.shape[0]


def binary_cross_entropy(scores: Tensor, target: Tensor) -> Tensor:
    """The mean cross-entropy of probabilities of two classes, such as the results of a sigmoid."""
    from torch.nn import functional

    return functional.binary_cross_entropy(scores, target)


_FUNCTIONS = {
    "binary-crossentropy": binary_cross_entropy,
    "l2loss": squared_error,
    **dict.fromkeys(("mae", "mean-absolute-error", "l1loss", "l1"), absolute_error),
    "huber": huber,
}


def _first_item(given: Mapping[str, Any], lgraph: LayerGraph) -> Any:
    try:
        return pairs_of(given, lgraph, "trainnet")[0]
    except Exception:  # train_network checks the data, and words the error
        return ()


def _is_index(item: Any, column: int, size: Size) -> bool:
    """Whether the target in a column of an item is class indices; faulty items are refused later."""
    try:
        target = np.asarray(item[column])
    except Exception:
        return True
    axes = len([n for n in size.spatial if n > 1])
    # an axis of 1 at the end is that of label images; a tensor has its classes first
    is_per_class = (
        target.ndim > axes and target.shape[-1] > 1 and size.channels in target.shape[:: max(axes, 1)]
    )
    return target.dtype.kind in "iub" and not is_per_class
