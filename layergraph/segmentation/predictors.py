"""What segments: a network, or what is wrapped around one."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError

Labels = NDArray[np.uint8]
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


def predict(net: Predictor, batch: NDArray[Any], *, dropout: bool = False) -> Scores:
    """``net.predict(batch)``, with ``dropout=True`` if so.

    Raises:
        ArgumentError: it does not take ``dropout``.

    >>> from layergraph.builders import segnet_layers
    >>> predict(segnet_layers((32, 32, 1), 2, 1).compile(), np.zeros((1, 32, 32, 1))).shape
    (1, 32, 32, 2)
    """
    if not dropout:
        return net.predict(batch)
    function: Any = net.predict
    if "dropout" not in signature(function).parameters:
        raise ArgumentError(
            "monte_carlo: net is a network, or another predictor whose predict takes dropout=True, got an "
            f"object of type {type(net).__name__}; sample first and refine the mean afterwards, as in "
            "WithDenseCRF(MonteCarlo(net))"
        )
    scores: Scores = function(batch, dropout=True)
    return scores
