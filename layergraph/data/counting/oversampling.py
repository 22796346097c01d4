"""Oversampling: items with rare classes come more often."""

from __future__ import annotations

from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from layergraph.data.counting.label_items import LabelItems
from layergraph.data.counting.oversampled_datastore import OversampledDatastore
from layergraph.data.datastore import Datastore
from layergraph.layers.arguments import flag, number, whole

_SMALLEST = 1e-12  # share of items

Store = TypeVar("Store", bound=Datastore[Any])


@overload
def oversample_rare_classes(
    store: Store, threshold: float | None = ..., *, seed: int = ..., each_epoch: Literal[False] = ...
) -> Store: ...
@overload
def oversample_rare_classes(
    store: Datastore[Any], threshold: float | None = ..., *, seed: int = ..., each_epoch: bool
) -> Datastore[Any]: ...
def oversample_rare_classes(
    store: Datastore[Any], threshold: float | None = None, *, seed: int = 0, each_epoch: bool = False
) -> Datastore[Any]:
    """The store with items of rare classes several times: repeat-factor sampling.

    Each item occurs as often as ``repeat_factors`` says, rounded up or down at random, so that the mean
    over many items is right; each occurs at least once. An epoch is longer by the repeated items, and a later
    random transform changes each repetition in its own way. Items keep their order, so train with
    ``shuffle="once"`` or ``"every-epoch"``. To oversample and weight the classes at once corrects the
    imbalance twice.

    Args:
        store: labels, or images combined with labels, as ``count_each_label`` takes them. Every label file
            is read once. Oversample before a random transform, whose labels differ in each pass.
        threshold: see ``repeat_factors``.
        seed: of the random rounding; a seed gives one store.
        each_epoch: round anew in each epoch of a training, by its seed and not by ``seed``: the last items of
            the store are repetitions that are drawn when they are read. Such a store has no ``files``.

    Raises:
        WrongTypeError, DataError, ArgumentError: as ``repeat_factors``.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import PixelLabelDatastore, write_labels
    >>> with TemporaryDirectory() as folder:
    ...     for index in range(8):
    ...         write_labels(f"{folder}/{index}.png", [[0, int(index == 3)]])
    ...     labels = PixelLabelDatastore(folder, ["road", "bicycle"], range(2))
    ...     [file.stem for file in oversample_rare_classes(labels, threshold=0.5).files]
    ['0', '1', '2', '3', '3', '4', '5', '6', '7']
    """
    random = np.random.default_rng(whole("oversample_rare_classes", "seed", seed, 0))
    is_drawn_anew = flag("oversample_rare_classes", "each_epoch", each_epoch)
    factors = _factors(store, threshold, "oversample_rare_classes")
    if is_drawn_anew:
        return OversampledDatastore(store, factors)
    # 2.3 becomes 3 with a probability of 0.3, else 2
    repeats = np.floor(factors + random.random(len(factors))).astype(int)
    return store.take(tuple(np.repeat(np.arange(len(factors)), repeats).tolist()))


def repeat_factors(store: Datastore[Any], threshold: float | None = None) -> NDArray[np.float64]:
    """How often each item should come in an epoch, for its rarest class: 1 or more, one number per item.

    A class that a share ``f`` of the items contains has the factor ``max(1, sqrt(threshold / f))``; an item
    has the largest factor of its classes. A class that no item contains changes nothing.

    Args:
        store: labels, or images combined with labels, as ``count_each_label`` takes them.
        threshold: the share of items, above 0 and at most 1, below which a class is rare. By default the
            median share of the classes, so that up to half of the classes are rare. The source takes 0.001
            for 1,200 classes.

    Raises:
        WrongTypeError, DataError: the store has no labels, or they cannot be read; see ``count_each_label``.
        ArgumentError: the threshold is out of range.

    Source: Gupta, Dollár and Girshick, "LVIS: A Dataset for Large Vocabulary Instance Segmentation", CVPR
    2019.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import PixelLabelDatastore, write_labels
    >>> with TemporaryDirectory() as folder:
    ...     for index in range(4):
    ...         write_labels(f"{folder}/{index}.png", [[0, int(index == 3)]])
    ...     repeat_factors(PixelLabelDatastore(folder, ["road", "bicycle"], range(2)), threshold=1)
    array([1., 1., 1., 2.])
    """
    return _factors(store, threshold, "repeat_factors")


def _factors(store: Datastore[Any], threshold: float | None, call: str) -> NDArray[np.float64]:
    # the argument before the files, which may take minutes
    given = None if threshold is None else number(call, "threshold", threshold, _SMALLEST, 1)
    items = LabelItems(store, call)
    contains = [counts[: len(items.classes)] > 0 for counts in items.pixel_counts("Reading labels")]
    presence = np.array(contains)
    if not presence.any():
        return np.ones(len(contains))
    share = presence.mean(axis=0)
    limit = np.median(share[share > 0]) if given is None else given
    # of a class that occurs nowhere the share would be a division by 0; its factor is in no item
    factors = np.maximum(1, np.sqrt(limit / np.where(share > 0, share, 1)))
    result: NDArray[np.float64] = np.where(presence, factors, 1).max(axis=1)
    return result
