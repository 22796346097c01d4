"""Weights given as arrays in MATLAB's order of dimensions: height, width, channels, filters."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError, WrongTypeError
from layergraph.sizes import Shape
from layergraph.weights import Weights

if TYPE_CHECKING:
    from layergraph.layers.layer import Layer

Expected = Sequence[int | None]  # None: a dimension that is not known yet


def numbers(layer: Layer, argument: str, value: object, expected: Expected) -> NDArray[np.float32]:
    """An array in MATLAB's order with the expected dimensions, in float32.

    As in MATLAB, dimensions of size 1 at the end may be missing.

    Raises:
        WrongTypeError: no NumPy array.
        ArgumentError: other dimensions, no numbers, or numbers that are not finite.
    """
    owner = type(layer).__name__
    order = "×".join("channels" if n is None else str(n) for n in expected)
    if not isinstance(value, np.ndarray):
        raise WrongTypeError(
            f"{owner}: {argument} must be a NumPy array {order} (MATLAB's order), got "
            f"{type(value).__name__}; tensors in torch's order go into weights=Weights({{'weight': ..., "
            "'bias': ...})"
        )
    # MATLAB drops dimensions of size 1 at the end, so that 3×3×1×1 weights are a matrix there
    shape = (*value.shape, *(1,) * (len(expected) - value.ndim))
    fits = len(shape) == len(expected) and all(n in (None, m) for n, m in zip(expected, shape, strict=True))
    if value.dtype.kind not in "iuf" or not fits:
        raise ArgumentError(
            f"{owner}: {argument} must be an array of numbers {order} (MATLAB's order), got {value.dtype} of "
            f"shape {value.shape}"
        )
    array = value.astype(np.float32).reshape(shape)
    # after the cast, in which a float64 above 3.4e38 becomes infinite
    if not np.isfinite(array).all():
        raise ArgumentError(f"{owner}: {argument} must be finite numbers of float32, got NaN or infinity")
    return array


def weights_and_bias(layer: Any, weights: object, bias: object, window: Shape, others: Expected) -> Weights:
    """``Weights`` and ``Bias`` of a layer with a window, in torch's order.

    Args:
        layer: the layer; its ``bias_initializer`` fills a bias that is not given.
        weights: an array of window × ``others``.
        bias: an array of 1×1×filters, or 1×1×filters×groups; or a vector over all filters.
        window: height and width.
        others: channels and filters, in the order of the layer; of groups, channels, filters and groups.
    """
    rank, owner = len(window), type(layer).__name__
    if not isinstance(weights, np.ndarray) and bias is not None:
        raise ArgumentError(f"{owner}: weights must be a NumPy array beside bias")
    array = numbers(layer, "weights", weights, (*window, *others))
    # torch has height, width, ... last, and the others before them in the reverse order
    array = array.transpose(*range(array.ndim - 1, rank - 1, -1), *range(rank))
    filters: Shape = (layer.num_filters,) if len(others) == 2 else (array.shape[1], array.shape[0])
    # torch has no dimension for the groups: it counts the filters of all groups
    if len(others) == 3:
        array = array.reshape(-1, *array.shape[2:])  # the filters of all groups, group by group
    if bias is None:
        if layer.bias_initializer not in ("zeros", "ones"):
            raise ArgumentError(
                f"{owner}: bias must be given with weights, because bias_initializer is neither 'zeros' nor "
                f"'ones' but {layer.bias_initializer!r:.80}"
            )
        shift = np.full(prod(filters), layer.bias_initializer == "ones", np.float32)
    else:
        if isinstance(bias, np.ndarray) and len(filters) == 1 and bias.shape == filters:
            bias = bias.reshape((1,) * rank + filters)
        # transposed, the groups come first, so that biases are in the order of the filters above
        shift = numbers(layer, "bias", bias, (*(1,) * rank, *filters)).T.reshape(-1)
    return as_weights({"weight": array, "bias": shift})


def batch_normalization_weights(layer: Any, given: dict[str, object]) -> Weights:
    """``Offset``, ``Scale``, ``TrainedMean`` and ``TrainedVariance`` in torch's order.

    Args:
        layer: the layer of batch normalization.
        given: the arrays, 1×1×channels or a vector, by argument; all four must be given.
    """
    owner, missing = type(layer).__name__, [name for name, value in given.items() if value is None]
    if missing:
        raise ArgumentError(
            f"{owner}: {', '.join(given)} must be given together, got no {', '.join(missing)}"
        )
    known: int | None = None if layer.num_channels == "auto" else layer.num_channels
    arrays: dict[str, NDArray[Any]] = {}
    for name, value in given.items():
        if isinstance(value, np.ndarray):
            # 1×1×channels, a row or a column: everything but one dimension has size 1
            value = value.reshape(-1) if value.size == max(value.shape, default=1) else value
        array = numbers(layer, name, value, (known,))
        # the first array decides how many channels the others have
        known = array.size
        arrays[_TENSORS[name]] = array
    if (arrays["running_var"] < 0).any():
        lowest = arrays["running_var"].min()
        raise ArgumentError(f"{owner}: trained_variance must be 0 or above in every channel, got {lowest:g}")
    return as_weights({**arrays, "num_batches_tracked": np.array(0)})


_TENSORS = {
    "offset": "bias",
    "scale": "weight",
    "trained_mean": "running_mean",
    "trained_variance": "running_var",
}


def as_weights(arrays: dict[str, NDArray[Any]]) -> Weights:
    """Arrays in torch's order as weights."""
    import torch

    # in C order, because tensors would keep the strides of a transposed view
    return Weights({name: torch.from_numpy(array.copy(order="C")) for name, array in arrays.items()})
