"""Pairs of an array of images and an array of targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from layergraph.data.label_array import class_names_of
from layergraph.errors import DataError, WrongTypeError, did_you_mean
from layergraph.graph.layer_graph import LayerGraph
from layergraph.labels import UNLABELED
from layergraph.training.batches.masks import refuse_masks
from layergraph.wording import listed, quoted, times


class ArrayPairs:
    """Pairs (image, target) of the parts of two arrays along their first axes, read at access.

    Arrays are those of NumPy, tensors, and others with a shape and positions, such as those of HDF5 files.

    Args:
        images: arrays (N, height, width, channels), or tensors (N, channels, height, width).
        targets: as many; class indices, responses, or class names as text or of pandas' ``Categorical``.
        lgraph: the network that they train. Class names that its output layer knows set the order of names.
        owner: the place in errors.

    Raises:
        WrongTypeError: ``images`` or ``targets`` are no arrays.
        DataError: the arrays differ in length, have another order of axes or masked values, a class name is
            unknown or empty, or the targets are a mask of 0 and 255.
    """

    def __init__(self, images: Any, targets: Any, lgraph: LayerGraph, owner: str) -> None:
        # their masks would be left out without a word
        if np.ma.is_masked(images) or np.ma.is_masked(targets):
            raise DataError(
                f"{owner}: images and targets must be arrays without masked values, got a masked array; "
                "np.ma.filled(targets, 255) makes masked labels unlabeled"
            )
        self._images = images
        self.classes, self._targets = _named_indices(targets, lgraph, owner)
        for name, array in (("images", images), ("targets", self._targets)):
            if not (getattr(array, "shape", ()) and hasattr(array, "__getitem__")):
                raise WrongTypeError(
                    f"{owner}: {name} must be an array with an item per position of its first axis, got an "
                    f"object of type {type(array).__name__}; np.stack(list) makes one of a list, and "
                    "combine(images, labels) pairs datastores"
                )
        if len(images) != len(self._targets):
            raise DataError(
                f"{owner}: targets must be as many as images ({len(images)}), got {len(self._targets)}"
            )
        _check_axes(images, lgraph, owner)
        outputs = [lgraph[name] for name in lgraph.output_names]
        if self.classes is None and any(getattr(layer, "per_pixel", False) for layer in outputs):
            refuse_masks(self._targets, f"{owner}: targets", in_memory=True)

    @property
    def in_memory(self) -> bool:
        """Whether both arrays are in memory; others are read at access."""
        return all(type(array) in (np.ndarray, torch.Tensor) for array in (self._images, self._targets))

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int, /) -> tuple[Any, Any]:
        return self._images[index], self._targets[index]


def _named_indices(targets: Any, lgraph: LayerGraph, owner: str) -> tuple[tuple[str, ...] | None, Any]:
    """The class names, if there are any, and the targets with names as class indices."""
    array = np.asarray(targets) if isinstance(targets, (list, tuple)) else targets
    # a Series of pandas has its categories in an attribute
    categorical: Any = getattr(array, "cat", array)
    if hasattr(categorical, "categories"):
        names, codes = [str(name) for name in categorical.categories], np.asarray(categorical.codes)
    else:
        if hasattr(array, "to_numpy"):  # of pandas, whose series[0] may be any row
            array = array.to_numpy()
        kind = getattr(getattr(array, "dtype", None), "kind", "")
        # T is the StringDType of NumPy 2, O an array of objects
        if kind not in ("U", "T", "O"):
            return class_names_of(array), array
        plain = np.asarray(array, dtype=object)
        if others := [item for item in plain.flat if not isinstance(item, str)]:
            raise WrongTypeError(
                f"{owner}: targets must be an array of numbers, or hold class names alone, got "
                f"{quoted(others[0])} among them"
            )
        unique, inverse = np.unique(plain.astype(str), return_inverse=True)
        names, codes = unique.tolist(), inverse.reshape(plain.shape)
    if len({name for name in names if name.strip()}) < len(names):
        raise DataError(
            f"{owner}: the names of targets must be distinct and not empty, got {listed(names)}; name "
            "each class"
        )
    outputs = [lgraph[name] for name in lgraph.output_names]
    known = [getattr(layer, "classes", None) for layer in outputs]
    order = list(known[0]) if len(known) == 1 and isinstance(known[0], (tuple, list)) else names
    if unknown := [name for name in names if name not in order]:
        raise DataError(
            f"{owner}: the names of targets must be classes of the output layer, got "
            f"{quoted(unknown[0])}{did_you_mean(unknown[0], order)}"
        )
    # a code of -1 is a missing name; 255 may be a class of whole images
    unlabeled = getattr(outputs[0], "unlabeled", None) if outputs else None
    indices = np.array([*map(order.index, names), UNLABELED if unlabeled is None else unlabeled])
    return tuple(order), indices[codes]


def _check_axes(images: Any, lgraph: LayerGraph, owner: str) -> None:
    """Refuse arrays with the axes of MATLAB or of tensors; some would fit a network for other sizes."""
    sizes = [tuple(getattr(lgraph[name], "input_size", ())) for name in lgraph.input_names]
    # of a tensor the type tells the order
    if len(sizes) != 1 or not isinstance(images, np.ndarray) or images.shape[1:] == sizes[0]:
        return
    for source, goal, call in ((-1, 0, "np.moveaxis(images, -1, 0)"), (1, -1, "np.moveaxis(images, 1, -1)")):
        # a view of one number: only its shape matters
        if (
            images.ndim > 1
            and np.moveaxis(np.broadcast_to(0, images.shape), source, goal).shape[1:] == sizes[0]
        ):
            raise DataError(
                f"{owner}: images must be N×{times(sizes[0])} with the items first and the channels last, "
                f"got {times(images.shape)}; {call} orders them"
            )
