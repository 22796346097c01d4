"""Comparison of the tensors in a file with those of one layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import torch

from layergraph.layers import FullyConnectedLayer, Layer
from layergraph.layers.convolution import Convolution
from layergraph.pretrained.loading_report import LoadedTensor
from layergraph.sizes import Shape, Size
from layergraph.wording import dtype_name, times

if TYPE_CHECKING:
    from torch import Tensor


# tensors that a file may lack: torchvision's residual networks have no biases, old files no batch counts
_OPTIONAL = ("bias", "num_batches_tracked")


@dataclass(frozen=True)
class Fit:
    """The tensors of a file for one layer, and the faults of those that do not fit.

    Attributes:
        loaded: the tensors that fit, for the report.
        weights: the same by their names in the layer's module.
        faults: one line per tensor that does not fit.
        num_outputs: the number of outputs of the layer.
        num_outputs_in_file: that of the layer in the file if only this number does not fit, else 0.
    """

    loaded: list[LoadedTensor]
    weights: dict[str, Tensor]
    faults: list[str]
    num_outputs: int
    num_outputs_in_file: int


def fit_layer(
    layer: Layer,
    size: Size | None,
    expected: Mapping[str, Tensor],
    prefix: str,
    tensors: Mapping[str, Tensor],
) -> Fit:
    """Fit the tensors of a file to a layer.

    Args:
        layer: the layer.
        size: the size of its input.
        expected: the tensors of its module, on the meta device.
        prefix: the prefix of their names in the file.
        tensors: all tensors of the file.
    """
    loaded, weights, faults, other_outputs = [], {}, [], set()
    for name, like in expected.items():
        key, shape = prefix + name, tuple(like.shape)
        tensor = tensors.get(key)
        if tensor is None and name in _OPTIONAL:
            loaded.append(LoadedTensor(layer.name, name, "", shape, "zero: not in the file"))
            weights[name] = torch.zeros(shape, dtype=like.dtype)
            continue
        reshapes = tensor is not None and _reshapes(layer, size, tuple(tensor.shape), shape)
        if tensor is None:
            fault = f"is missing, expected {times(shape)}"
        elif not reshapes and tensor.shape != like.shape:
            fault = f"is {times(tensor.shape)}, expected {times(shape)}"
        else:
            fault = _value_fault(tensor, like)
        if tensor is None or fault:
            faults.append(f"{key!r} {fault}")
            other_outputs.add(_other_outputs(tensor, like))
            continue
        notes = ["reshaped"] if reshapes else []
        if tensor.dtype != like.dtype:
            notes.append(f"from {dtype_name(tensor.dtype)}")
        loaded.append(LoadedTensor(layer.name, name, key, shape, "; ".join(notes)))
        # a copy, because the caller's tensors may change, or be those of a network in training
        weights[name] = tensor.detach().reshape(shape).to("cpu", like.dtype, copy=True)
    num_outputs = (*next(iter(expected.values())).shape, 0)[0]
    # weight and bias must agree: a layer of another kind has other shapes than a layer with other outputs
    return Fit(loaded, weights, faults, num_outputs, other_outputs.pop() if len(other_outputs) == 1 else 0)


def _reshapes(layer: Layer, size: Size | None, shape: Shape, expected: Shape) -> bool:
    """Whether these are the weights of a fully connected layer for a convolution, or the reverse."""
    # Both flatten channels, height, width in this order. The windows must agree: one of 2×8 has as many
    # elements as one of 4×4, but other pixels at each of them.
    if isinstance(layer, Convolution):
        return shape == (expected[0], prod(expected[1:]))
    if isinstance(layer, FullyConnectedLayer) and size is not None:
        return shape == (expected[0], size.channels, *size.spatial)
    return False


def _other_outputs(tensor: Tensor | None, like: Tensor) -> int:
    """The number of outputs of a tensor if only that differs, else 0."""
    if tensor is None or not (tensor.ndim and like.ndim) or len(tensor) == len(like):
        return 0
    return len(tensor) if prod(tensor.shape[1:]) == prod(like.shape[1:]) else 0


def _value_fault(tensor: Tensor, like: Tensor) -> str:
    """The fault of a tensor's values, or an empty string."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        return "is sparse, quantized or without data, expected a dense tensor"
    if tensor.is_floating_point() != like.is_floating_point() or tensor.is_complex():
        return f"is {dtype_name(tensor.dtype)}, expected {dtype_name(like.dtype)}"
    if tensor.is_floating_point() and tensor.numel():
        # after the cast, which makes infinity of float64 values beyond the range of float32
        low, high = tensor.detach().to(like.dtype).aminmax()
        if not (low.isfinite() and high.isfinite()):
            return "holds NaN or infinity, expected finite numbers"
    return ""
