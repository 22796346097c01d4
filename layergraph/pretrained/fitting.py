"""Fitting the tensors of a file to those that one layer has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import torch

from layergraph.layers import FullyConnectedLayer, Layer
from layergraph.layers.convolution import Convolution
from layergraph.pretrained.report import LoadedTensor, written
from layergraph.sizes import Shape, Size

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Fit:
    """What a layer gets, and what does not fit.

    Attributes:
        rows: the tensors that it gets, for the report.
        values: the same under their names in the layer's module.
        faults: one line each, what does not fit.
        other_outputs: how many outputs the layer has in the file, if that alone does not fit, else 0.
    """

    rows: list[LoadedTensor] = field(default_factory=list)
    values: dict[str, Tensor] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    other_outputs: int = 0


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
    fit = Fit()
    other_outputs = set()
    for name, like in wanted.items():
        key, shape = stem + name, tuple(like.shape)
        found = tensors.get(key)
        if found is None:
            if name not in ("bias", "num_batches_tracked"):
                fit.faults.append(f"{key!r} is missing, expected {written(shape)}")
                continue
            value, key, notes = torch.zeros(shape, dtype=like.dtype), "", ["zero (not in the file)"]
        else:
            notes = []
            if tuple(found.shape) != shape:
                if not _reshapes(layer, size, tuple(found.shape), shape):
                    fit.faults.append(f"{key!r} is {written(found.shape)}, expected {written(shape)}")
                    other_outputs.add(_other_outputs(tuple(found.shape), shape))
                    continue
                notes.append("reshaped")
            if fault := _fault(found, like):
                fit.faults.append(f"{key!r} {fault}")
                other_outputs.add(0)
                continue
            if found.dtype != like.dtype:
                notes.append(f"from {str(found.dtype).removeprefix('torch.')}")
            value = found.detach().reshape(shape).to("cpu", like.dtype, copy=True)
        fit.rows.append(LoadedTensor(layer.name, name, key, shape, "; ".join(notes)))
        fit.values[name] = value
    if len(other_outputs) == 1 and len(fit.faults):
        return Fit(faults=fit.faults, other_outputs=other_outputs.pop())
    return fit


def _reshapes(layer: Layer, size: Size | None, found: Shape, wanted: Shape) -> bool:
    """Whether these are the weights of a fully connected layer for a convolution, or the reverse."""
    if isinstance(layer, Convolution):
        return found == (wanted[0], prod(wanted[1:]))
    if isinstance(layer, FullyConnectedLayer) and size is not None:
        return found == (wanted[0], size.channels, *size.spatial)
    return False


def _other_outputs(found: Shape, wanted: Shape) -> int:
    """The outputs found, if all the rest is as wanted."""
    rest = found and wanted and prod(found[1:]) == prod(wanted[1:])
    return found[0] if rest else 0


def _fault(found: Tensor, like: Tensor) -> str:
    """What keeps a tensor's numbers from being used; empty if nothing does."""
    kind = str(found.dtype).removeprefix("torch.")
    if found.layout != torch.strided or found.is_quantized or found.is_meta:
        return "is sparse, quantized or empty, expected plain numbers"
    if found.is_floating_point() != like.is_floating_point() or found.is_complex():
        return f"holds {kind} numbers, expected {str(like.dtype).removeprefix('torch.')}"
    if found.is_floating_point() and found.numel():
        low, high = found.detach().to(like.dtype).aminmax()
        if not (low.isfinite() and high.isfinite()):
            return "holds NaN or infinity, expected finite numbers"
    return ""
