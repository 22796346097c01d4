"""Predictors, which score the pixels of images: networks, and wrappers around them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from inspect import signature
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError, WrongTypeError
from layergraph.graph.layer_graph import LayerGraph

Scores = NDArray[np.float32]
Uncertainty = NDArray[np.float32]


class Predictor(Protocol):
    """A compiled network, or another object with the same method and attribute.

    ``predict`` takes (N, H, W, C) and returns scores (N, H, W, num_classes); ``classes`` holds the class
    names, or is None. For Monte Carlo sampling ``predict`` also takes ``dropout=True``.
    """

    @property
    def classes(self) -> Sequence[str] | None: ...

    def predict(self, batch: NDArray[Any], /) -> NDArray[np.float32]: ...


class PredictorWrapper:
    """A predictor around another one, ``net``, whose class names it has."""

    def __init__(self, net: Predictor) -> None:
        self.net = require_predictor(type(self).__name__, net)

    @property
    def classes(self) -> Sequence[str] | None:
        """The class names of the network."""
        return self.net.classes


def require_predictor(call: str, net: Any) -> Predictor:
    """Return ``net`` if it is a predictor; ``call`` is the name of the caller in the error.

    Raises:
        WrongTypeError: ``net`` is no predictor; the message says how to get one from it.

    >>> require_predictor("semanticseg", (1, 2))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    layergraph.errors.WrongTypeError: semanticseg: net must be a compiled network or another predictor, ...
    """
    # by its attributes, so that any object with them fits, and torch is not imported
    if callable(getattr(net, "predict", None)) and hasattr(net, "classes"):
        predictor: Predictor = net
        return predictor
    raise WrongTypeError(
        f"{call}: net must be a compiled network or another predictor, got {_description(net)}; "
        f"{_advice(net)}"
    )


def image_rank(net: Any) -> int:
    """The spatial dimensions of the images that a predictor takes: 3 for volumes, else 2.

    >>> from layergraph.builders import unet3d_layers
    >>> image_rank(unet3d_layers((16, 16, 16, 1), 2, encoder_depth=1).compile())
    3
    """
    while net is not None:
        # a predictor around a network has its rank, but may take other sizes
        if sizes := getattr(net, "input_sizes", ()):
            return len(sizes[0]) - 1
        net = getattr(net, "net", None)
    return 2


def _description(net: Any) -> str:
    if isinstance(net, tuple | list):
        shown = ", ".join(type(item).__name__ for item in net[:4])
        return f"a {type(net).__name__} ({shown}{', ...' if len(net) > 4 else ''})"
    return f"an object of type {type(net).__name__}"


def _advice(net: Any) -> str:
    if isinstance(net, tuple | list):
        # the pair of train_network is the usual tuple here
        position = next((index for index, item in enumerate(net) if hasattr(item, "predict")), None)
        if position is not None:
            return f"give its item {position}; train_network returns (net, info)"
        return "make a graph of a list of layers: train_network(images, LayerGraph(layers), options)"
    if isinstance(net, LayerGraph):
        return (
            "compile it: lgraph.compile(), which starts from random weights where the graph has none; "
            "train_network(images, lgraph, options) trains and compiles it"
        )
    if isinstance(net, str | os.PathLike):
        return "load the file: load(path).compile()"
    if callable(getattr(net, "state_dict", None)):  # a torch module; isinstance would import torch
        return (
            "make a layer of a torch module: LayerGraph([ImageInputLayer((height, width, channels)), "
            "ModuleLayer(module)]).compile()"
        )
    return "a predictor has a method predict(images) and an attribute classes, a sequence of names or None"


def predict(net: Predictor, batch: NDArray[Any], *, dropout: bool = False) -> Scores:
    """``net.predict(batch)``, with ``dropout=True`` if ``dropout`` is set.

    Raises:
        ArgumentError: ``net.predict`` does not take ``dropout``, or ``net`` has several outputs.

    >>> from layergraph.builders import segnet_layers
    >>> predict(segnet_layers((32, 32, 1), 2, 1).compile(), np.zeros((1, 32, 32, 1))).shape
    (1, 32, 32, 2)
    """
    function: Any = net.predict
    # by the signature: a TypeError of the call could also come from inside the network
    if dropout and "dropout" not in signature(function).parameters:
        raise ArgumentError(
            "MonteCarlo: net must be a network, or another predictor whose predict takes dropout=True, got "
            f"an object of type {type(net).__name__}; sample first and refine the mean afterwards, as in "
            "WithDenseCRF(MonteCarlo(net))"
        )
    # without the option for False, so that a predictor whose predict lacks it works too
    scores: Any = function(batch, dropout=True) if dropout else function(batch)
    if isinstance(scores, tuple):
        raise ArgumentError(
            f"predict: net must have one output, got {len(scores)}; remove the others from its graph"
        )
    return np.asarray(scores)
