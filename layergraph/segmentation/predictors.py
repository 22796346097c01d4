"""What segments: a network, or what is wrapped around one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from inspect import signature
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError, WrongTypeError
from layergraph.graph import LayerGraph

Scores = NDArray[np.float32]
Uncertainty = NDArray[np.float32]


class Predictor(Protocol):
    """What segments: a compiled network, or anything with the same method and attribute.

    ``predict`` takes (N, H, W, C) and returns scores (N, H, W, num_classes); ``classes`` are the class
    names, or None. For Monte Carlo sampling ``predict`` also takes ``dropout=True``.
    """

    @property
    def classes(self) -> Sequence[str] | None: ...

    def predict(self, batch: NDArray[Any], /) -> NDArray[np.float32]: ...


def checked_predictor(call: str, net: Any) -> Predictor:
    """The network, if it is one, or another predictor; ``call`` is who asks, for the error.

    Raises:
        WrongTypeError: it is something else, with the way from there to a network.

    >>> checked_predictor("semanticseg", (1, 2))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    layergraph.errors.WrongTypeError: semanticseg: net must be a compiled network or another predictor, ...
    """
    if callable(getattr(net, "predict", None)) and hasattr(net, "classes"):
        predictor: Predictor = net
        return predictor
    raise WrongTypeError(
        f"{call}: net must be a compiled network or another predictor, got {_described(net)}; "
        f"{_way_from(net)}"
    )


def _described(net: Any) -> str:
    if isinstance(net, tuple | list):
        shown = ", ".join(type(item).__name__ for item in net[:4])
        return f"a {type(net).__name__} ({shown}{', ...' if len(net) > 4 else ''})"
    return f"an object of type {type(net).__name__}"


def _way_from(net: Any) -> str:
    if isinstance(net, tuple | list):
        place = next((place for place, item in enumerate(net) if hasattr(item, "predict")), None)
        if place is not None:
            return f"give its item {place}; train_network returns (net, info)"
        return "a list of layers is first a graph: train_network(images, LayerGraph(layers), options)"
    if isinstance(net, LayerGraph):
        return (
            "compile it: lgraph.compile(), which starts from random weights where the graph has none; "
            "train_network(images, lgraph, options) trains and compiles it"
        )
    if isinstance(net, str | os.PathLike):
        return "load the file: load(path).compile()"
    if callable(getattr(net, "state_dict", None)):  # a torch module; torch is not imported to ask
        return (
            "make a layer of a torch module: LayerGraph([ImageInputLayer((height, width, channels)), "
            "ModuleLayer(module)]).compile()"
        )
    return "a predictor has a method predict(images), and classes: a sequence of names, or None"


def predict(net: Predictor, batch: NDArray[Any], *, dropout: bool = False) -> Scores:
    """``net.predict(batch)``, with ``dropout=True`` if so.

    Raises:
        ArgumentError: it does not take ``dropout``, or has several outputs.

    >>> from layergraph.builders import segnet_layers
    >>> predict(segnet_layers((32, 32, 1), 2, 1).compile(), np.zeros((1, 32, 32, 1))).shape
    (1, 32, 32, 2)
    """
    function: Any = net.predict
    if dropout and "dropout" not in signature(function).parameters:
        raise ArgumentError(
            "monte_carlo: net is a network, or another predictor whose predict takes dropout=True, got an "
            f"object of type {type(net).__name__}; sample first and refine the mean afterwards, as in "
            "WithDenseCRF(MonteCarlo(net))"
        )
    scores: Any = function(batch, dropout=True) if dropout else function(batch)
    if isinstance(scores, tuple):
        raise ArgumentError(
            f"semanticseg: net must have one output, got {len(scores)}; remove the others from its graph"
        )
    return np.asarray(scores)
