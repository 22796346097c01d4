"""Two label images, or two masks, to compare."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.class_indices import class_indices
from layergraph.data.label_array import class_names_of
from layergraph.errors import WrongTypeError
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.segmentation.evaluation.counting import common_classes, count_pairs, refuse_masks


class LabelPair(NamedTuple):
    """Class indices of one shape, and 255 where unlabeled; of masks, True is class 1 of two classes."""

    predicted: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    num_classes: int
    are_masks: bool
    pixels: NDArray[np.int64]
    """The number of pixels (256, 256) with each true and each predicted label."""

    def result(self, values: NDArray[np.float64]) -> Any:
        """The value of True as a number for masks, and the values of all classes for label images."""
        return float(values[1]) if self.are_masks else values


def label_pair(call: str, predicted: ArrayLike, truth: ArrayLike, num_classes: int | None) -> LabelPair:
    """Check two label images or boolean masks, for a public function whose name ``call`` is in errors.

    ``num_classes`` may be None: labels know their classes, or the highest label is that of the last class.

    >>> label_pair("dice", [[True, False]], [[True, True]], None).truth
    array([[1, 1]], dtype=uint8)
    >>> label_pair("dice", [[0, 2]], [[1, 255]], None).num_classes
    3
    """
    are_masks = _is_mask(predicted)
    if are_masks != _is_mask(truth):
        kinds = ("a mask", "labels") if are_masks else ("labels", "a mask")
        raise WrongTypeError(
            f"{call}: predicted and truth must both be masks of True and False, or both class indices, got "
            f"{kinds[0]} and {kinds[1]}; labels == i is the mask of class i"
        )
    if are_masks:
        predicted, truth = (np.asarray(mask).astype(np.uint8) for mask in (predicted, truth))
        return LabelPair(predicted, truth, 2, True, count_pairs(predicted, truth, 2, call))
    # before the pixels: unequal classes would make counts that are valid and mean nothing
    names = common_classes({"predicted": class_names_of(predicted), "truth": class_names_of(truth)}, call)
    arrays = [class_indices(predicted, f"{call}: predicted"), class_indices(truth, f"{call}: truth")]
    if num_classes is not None:
        size = arguments.whole(call, "num_classes", num_classes, 1, UNLABELED)
    elif names is not None:
        size = len(names)
    else:
        highest = (int(array.max(initial=0, where=array != UNLABELED)) for array in arrays)
        # above 255 classes, the check of labels below raises
        size = min(1 + max(highest), UNLABELED)
    pixels = count_pairs(arrays[0], arrays[1], size, call)
    # of one class, 0 and 255 are all labels that there are, but only if the caller says that it is one
    is_sure = num_classes is not None or names is not None
    refuse_masks(pixels, size if is_sure else max(size, 2), predicted, truth, call)
    first, second = (array.astype(np.uint8, copy=False) for array in arrays)
    return LabelPair(first, second, size, False, pixels)


def _is_mask(labels: ArrayLike) -> bool:
    try:
        return np.asarray(labels).dtype.kind == "b"
    except ValueError:  # rows of different lengths, for which class_indices has an error
        return False
