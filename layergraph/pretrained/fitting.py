"""Fitting the tensors of a file to those that one layer has."""

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


# what a file may lack: torchvision's residual networks have no biases, old files no count
_ABSENT = ("bias", "num_batches_tracked")


@dataclass(frozen=True)
class Fit:
    """What a layer gets, and what does not fit.

    Attributes:
        rows: the tensors that it gets, for the report.
        values: the same under their names in the layer's module.
        faults: one line each, what does not fit.
        outputs: how many outputs the layer has.
        other_outputs: how many it has in the file, if that alone does not fit, else 0.
    """

    rows: list[LoadedTensor]
    values: dict[str, Tensor]
    faults: list[str]
    outputs: int
    other_outputs: int


def fit_layer(
    layer: Layer, size: Size | None, wanted: Mapping[str, Tensor], stem: str, tensors: Mapping[str, Tensor]
) -> Fit:
    """What a layer gets from a file.

    Args:
        layer: the layer.
        size: of its input.
        wanted: the tensors of its module, on the meta device.
        stem: what their names begin with in the file.
        tensors: those of the file.
    """
    rows, values, faults, others = [], {}, [], set()
    for name, like in wanted.items():
        key, shape = stem + name, tuple(like.shape)
        found = tensors.get(key)
        if found is None and name in _ABSENT:
            rows.append(LoadedTensor(layer.name, name, "", shape, "zero: not in the file"))
            values[name] = torch.zeros(shape, dtype=like.dtype)
            continue
        reshapes = found is not None and _reshapes(layer, size, tuple(found.shape), shape)
        if found is None:
            fault = f"is missing, expected {times(shape)}"
        elif not reshapes and found.shape != like.shape:
            fault = f"is {times(found.shape)}, expected {times(shape)}"
        else:
            fault = _fault(found, like)
        if found is None or fault:
            faults.append(f"{key!r} {fault}")
            others.add(_other_outputs(found, like))
            continue
        notes = ["reshaped"] if reshapes else []
        if found.dtype != like.dtype:
            notes.append(f"from {dtype_name(found.dtype)}")
        rows.append(LoadedTensor(layer.name, name, key, shape, "; ".join(notes)))
        values[name] = found.detach().reshape(shape).to("cpu", like.dtype, copy=True)
    outputs = (*next(iter(wanted.values())).shape, 0)[0]
    return Fit(rows, values, faults, outputs, others.pop() if len(others) == 1 else 0)


def _reshapes(layer: Layer, size: Size | None, found: Shape, wanted: Shape) -> bool:
    """Whether these are the weights of a fully connected layer for a convolution, or the reverse."""
    if isinstance(layer, Convolution):
        return found == (wanted[0], prod(wanted[1:]))
    if isinstance(layer, FullyConnectedLayer) and size is not None:
        return found == (wanted[0], size.channels, *size.spatial)
    return False


def _other_outputs(found: Tensor | None, like: Tensor) -> int:
    """The outputs found, if their number alone is not as wanted, else 0."""
    if found is None or not (found.ndim and like.ndim) or len(found) == len(like):
        return 0
    return len(found) if prod(found.shape[1:]) == prod(like.shape[1:]) else 0


def _fault(found: Tensor, like: Tensor) -> str:
    """What keeps a tensor's numbers from being used; empty if nothing does."""
    if found.layout != torch.strided or found.is_quantized or found.is_meta:
        return "is sparse, quantized or empty, expected plain numbers"
    if found.is_floating_point() != like.is_floating_point() or found.is_complex():
        return f"holds {dtype_name(found.dtype)} numbers, expected {dtype_name(like.dtype)}"
    if found.is_floating_point() and found.numel():
        low, high = found.detach().to(like.dtype).aminmax()
        if not (low.isfinite() and high.isfinite()):
            return "holds NaN or infinity, expected finite numbers"
    return ""
