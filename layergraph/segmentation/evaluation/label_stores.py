"""The label images of an evaluation, their pairs and their classes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from layergraph.data.class_indices import check_indices, class_indices
from layergraph.data.datastore import CombinedDatastore
from layergraph.data.label_array import class_names_of
from layergraph.data.label_ids import class_names
from layergraph.data.pairing import partners
from layergraph.errors import DataError, WrongTypeError
from layergraph.labels import UNLABELED
from layergraph.segmentation.evaluation.counting import common_classes
from layergraph.wording import counted, visible


class LabelStore(Protocol):
    """Label images by index: a pixel label datastore, a list of arrays, an array (N, H, W)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


def label_store(labels: Any, owner: str) -> LabelStore:
    """Labels by index: a list of a single image, the labels of pairs; ``owner`` is the argument in errors."""
    if getattr(labels, "ndim", None) == 2:
        return [labels]
    if isinstance(labels, CombinedDatastore):
        with_classes = [part for part in labels.stores if part.classes is not None]
        # of several, the items are tuples, which are refused
        labels = with_classes[0] if len(with_classes) == 1 else labels
    # a string has a length and items, but the path of a folder holds no labels
    if isinstance(labels, str | os.PathLike) or not (
        hasattr(labels, "__len__") and hasattr(labels, "__getitem__")
    ):
        raise WrongTypeError(
            f"{owner} must be a datastore of labels or a sequence of arrays, got an object of "
            f"type {type(labels).__name__}"
        )
    store: LabelStore = labels
    return store


def files_of(store: Any) -> Sequence[Path] | None:
    """The files of a datastore; None for arrays.

    >>> files_of([])
    """
    files: Sequence[Path] | None = getattr(store, "files", None)
    return files or None


def pair_order(
    call: str, argument: str, store: Any, truth: LabelStore, pair_by: str, what: str
) -> Sequence[int]:
    """For each true label image the position of its partner in ``store``, the value of ``argument``."""
    files, true_files = files_of(store), files_of(truth)
    if pair_by == "name" and files and true_files:
        return partners(true_files, files, call)
    if len(store) != len(truth):
        raise DataError(
            f"{call}: {argument} must hold one {what} per true one ({len(truth)}), in the same order, "
            f"got {len(store)}"
        )
    return range(len(truth))


def set_classes(
    predicted: LabelStore, truth: LabelStore, classes: Sequence[str] | None, call: str
) -> tuple[str, ...] | None:
    """The class names, which must be the same for predictions, truth and the argument ``classes``."""
    given = {
        "predicted": class_names_of(predicted),
        "truth": class_names_of(truth),
        "the argument classes": None if classes is None else class_names(classes, f"{call}: classes"),
    }
    return common_classes(given, call)


def numbered_classes(predicted: LabelStore, truth: LabelStore) -> tuple[str, ...]:
    """C1, C2, ... up to the highest label of all images.

    >>> numbered_classes([[[0, 255]]], [[[1, 1]]])
    ('C1', 'C2')
    """
    # one more pass over all images: the matrices of all must have one size
    highest = max(
        _highest_index(store[index], f"image {index}: {argument}")
        for argument, store in (("predicted", predicted), ("truth", truth))
        for index in range(len(store))
    )
    return tuple(f"C{number}" for number in range(1, highest + 2))


def label_image(labels: Any, classes: tuple[str, ...], owner: str) -> NDArray[Any]:
    """One label image of these classes."""
    if isinstance(labels, tuple):
        raise WrongTypeError(
            f"{owner} must be labels, got {counted(len(labels), 'part')}, as a pair has; "
            "store.cache().transform(lambda pair: pair[-1]) gives the labels alone, and the same at each read"
        )
    array = class_indices(labels, owner)
    # one image as nested lists arrives here as a list of its rows
    if array.ndim < 2:
        raise DataError(
            f"{owner} must be an array (H, W), got the shape {array.shape}; give the images in a list"
        )
    if not array.size:
        raise DataError(f"{owner} must have pixels, got the shape {array.shape}")
    # a list has the names of its first item only, so each further image is checked
    common_classes({"this image": class_names_of(labels), "the set": classes}, owner)
    return array


def pair_name(index: int, files: Sequence[Path]) -> str:
    """The name of a pair in errors: its position, and its files if it has some.

    >>> pair_name(3, [Path("a.png")])
    'image 3 (a.png)'
    """
    paths = [visible(str(file)) for file in files]
    return f"image {index} ({' and '.join(paths)})" if paths else f"image {index}"


def _highest_index(labels: Any, owner: str) -> int:
    array = class_indices(labels, owner)
    # without class names, any label that is not unlabeled may be a class
    check_indices(array, UNLABELED, owner)
    return int(array.max(initial=0, where=array != UNLABELED))
