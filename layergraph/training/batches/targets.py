"""Targets of training: class indices of pixels or observations, or responses of a regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.class_indices import class_indices
from layergraph.errors import DataError
from layergraph.labels import ROUNDING, UNLABELED
from layergraph.layers.layer import Layer
from layergraph.sizes import Size
from layergraph.wording import quoted, times


def num_classes(layer: Layer, size: Size) -> int | None:
    """The number of classes of an output layer with scores of this size; None for a regression.

    Raises ``DataError`` for more classes than 8-bit labels can hold.
    """
    per_pixel = getattr(layer, "per_pixel", None)
    if per_pixel is None:
        return None
    if per_pixel and size.channels > UNLABELED:
        raise DataError(
            f"train_network: layer {quoted(layer.name)} must score at most {UNLABELED} classes, as 8-bit "
            f"labels hold, got {size.channels}"
        )
    return size.channels


def target_array(target: Any, layer: Layer, size: Size, owner: str, *, float64: bool = False) -> NDArray[Any]:
    """The target of one item in the form of the loss of an output layer, without the batch axis.

    Args:
        target: class indices (height, width); a class index; a response (height, width, channels); or for
            some layers probabilities (height, width, classes) or (classes,), whose sum is 1, all 0 or all
            NaN where unlabeled.
        layer: the output layer; ``size`` is the size of its input for the item's image.
        owner: the target's name in errors.
        float64: whether the network computes in float64.

    Returns:
        uint8 indices (height, width), an int64 index, or a response or probabilities (channels, height,
        width) in float32, or in float64 for such a network; all 0 where unlabeled.

    Raises:
        DataError: the target has another kind or size, or an index that no class has.
    """
    array, dtype = np.asarray(target), np.float64 if float64 else np.float32
    if num_classes(layer, size) is None:
        return _response(array, size, owner, dtype)
    per_pixel, unlabeled = getattr(layer, "per_pixel", True), getattr(layer, "unlabeled", UNLABELED)
    wanted = tuple(size.spatial) if per_pixel else ()
    # many datasets return labels with a channel axis, as images have
    if per_pixel and array.ndim == len(wanted) + 1 and array.shape[-1] == 1:
        array = array[..., 0]
    takes_probabilities = getattr(layer, "takes_probabilities", False)
    if takes_probabilities and array.shape == (*wanted, size.channels) and array.dtype.kind in "biuf":
        return _probabilities(array, owner, dtype)
    if per_pixel and array.dtype.kind == "b":
        class_indices(array, owner)  # raises for a boolean mask
    if array.dtype.kind not in "biu" or array.shape != wanted:
        form = f"an array of whole numbers, {times(wanted)}" if per_pixel else "one whole number"
        if takes_probabilities:
            others = f"{times((*wanted, size.channels))}" if per_pixel else f"{size.channels} numbers"
            form += f" (class indices from 0) or {others} (probabilities of the classes)"
        else:
            form += " (class indices from 0)"
        raise DataError(f"{owner} must be {form}, got {_description(array)}")
    _check_indices(array, size.channels, unlabeled, owner)
    # bytes per pixel are an eighth of the memory and of the transfer to a GPU
    return array.astype(np.uint8 if per_pixel else np.int64, copy=False)


def _check_indices(array: NDArray[Any], count: int, unlabeled: int, owner: str) -> None:
    # the extremes first: if they are in range (in most targets), no mask is needed
    if not array.size or (array.max() < count and (array.dtype.kind == "u" or array.min() >= 0)):
        return
    wrong = array[((array >= count) | (array < 0)) & (array != unlabeled)]
    if wrong.size:
        raise DataError(
            f"{owner} must hold class indices from 0 to {count - 1}, as the network scores {count} classes, "
            f"or {unlabeled} (unlabeled), got {wrong[0]}"
        )


def _probabilities(array: NDArray[Any], owner: str, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    array = array.astype(dtype)
    without = (array == 0).all(-1) | np.isnan(array).all(-1)
    with np.errstate(invalid="ignore"):  # infinities, which are refused
        sums = array.sum(-1)
    right = without | ((array >= 0).all(-1) & (abs(sums - 1) <= ROUNDING))
    if not right.all():
        raise DataError(
            f"{owner} must hold probabilities of at least 0 with the sum 1 over the classes, or all 0 or NaN "
            f"where unlabeled, got {', '.join(f'{number:.4g}' for number in array[~right][0][:4])}"
        )
    return np.ascontiguousarray(np.moveaxis(np.where(without[..., None], 0, array), -1, 0), dtype=dtype)


def has_label(target: NDArray[Any], layer: Layer) -> bool:
    """Whether a target of :func:`target_array` has a label; a response always has."""
    if getattr(layer, "per_pixel", None) is None:
        return True
    return bool(
        target.any() if target.dtype.kind == "f" else (target != getattr(layer, "unlabeled", None)).any()
    )


def _response(array: NDArray[Any], size: Size, owner: str, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    wanted = (*size.spatial, size.channels)
    # a channel axis of 1, or the 1 × 1 pixels of a vector, may be absent
    fits = array.size == np.prod(wanted) and [n for n in array.shape if n > 1] == [n for n in wanted if n > 1]
    if array.dtype.kind not in "biuf" or not fits:
        raise DataError(f"{owner} must be an array of numbers, {times(wanted)}, got {_description(array)}")
    response = np.moveaxis(array.reshape(wanted), -1, 0)
    return np.ascontiguousarray(response, dtype=dtype)


def _description(array: NDArray[Any]) -> str:
    return f"{array.dtype} of shape {array.shape}"
