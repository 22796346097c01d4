"""Semantic segmentation of images with a network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import DataError, LayergraphError, WrongTypeError
from layergraph.labels import UNLABELLED
from layergraph.segmentation.batches import ImageStore, batches, image_name

if TYPE_CHECKING:
    from layergraph.data import PixelLabelDatastore

Labels = NDArray[np.uint8]
Scores = NDArray[np.float32]
ImageOrStack = NDArray[Any] | str | os.PathLike[str]


class Predictor(Protocol):
    """What segments: a compiled network, or anything with the same method and attribute.

    ``predict`` takes (N, H, W, C) and returns scores (N, H, W, num_classes); ``classes`` are the class
    names, or None.
    """

    @property
    def classes(self) -> Sequence[str] | None: ...

    def predict(self, batch: NDArray[Any], /) -> NDArray[np.float32]: ...


@overload
def semanticseg(  # type: ignore[overload-overlap]  # an array is a store too; the first form wins
    images: ImageOrStack,
    net: Predictor,
    *,
    return_scores: Literal[False] = ...,
    mini_batch_size: int = ...,
    write_location: None = ...,
    name_prefix: str = ...,
    classes: Sequence[str] | None = ...,
    verbose: bool = ...,
) -> Labels: ...
@overload
def semanticseg(  # type: ignore[overload-overlap]  # an array is a store too; the first form wins
    images: ImageOrStack,
    net: Predictor,
    *,
    return_scores: Literal[True],
    mini_batch_size: int = ...,
    write_location: None = ...,
    name_prefix: str = ...,
    classes: Sequence[str] | None = ...,
    verbose: bool = ...,
) -> tuple[Labels, Scores]: ...
@overload
def semanticseg(
    images: ImageStore,
    net: Predictor,
    *,
    return_scores: Literal[False] = ...,
    mini_batch_size: int = ...,
    write_location: None = ...,
    name_prefix: str = ...,
    classes: Sequence[str] | None = ...,
    verbose: bool = ...,
) -> list[Labels]: ...
@overload
def semanticseg(
    images: ImageStore,
    net: Predictor,
    *,
    return_scores: Literal[True],
    mini_batch_size: int = ...,
    write_location: None = ...,
    name_prefix: str = ...,
    classes: Sequence[str] | None = ...,
    verbose: bool = ...,
) -> tuple[list[Labels], list[Scores]]: ...
@overload
def semanticseg(
    images: ImageStore,
    net: Predictor,
    *,
    return_scores: Literal[False] = ...,
    mini_batch_size: int = ...,
    write_location: str | os.PathLike[str],
    name_prefix: str = ...,
    classes: Sequence[str] | None = ...,
    verbose: bool = ...,
) -> PixelLabelDatastore: ...
def semanticseg(
    images: ImageOrStack | ImageStore,
    net: Predictor,
    *,
    return_scores: bool = False,
    mini_batch_size: int = 8,
    write_location: str | os.PathLike[str] | None = None,
    name_prefix: str = "pixelLabel",
    classes: Sequence[str] | None = None,
    verbose: bool = True,
) -> Any:
    """Give each pixel the class for which the network's score is highest (the first of equals).

    ``images`` and what comes back (labels are uint8 class indices, scores are float32):

    - one image, an array (H, W) or (H, W, C) or the path of a file: labels (H, W), and with
      ``return_scores=True`` the pair (labels, scores (H, W, num_classes));
    - a stack (N, H, W, C): labels (N, H, W), or the pair with scores (N, H, W, num_classes);
    - a datastore, or a list of images: a list of labels, or the pair of two lists; with
      ``write_location``, nothing is kept in memory but one batch: each image's labels go to a file
      ``<name_prefix>_<number>.png`` in that folder (made if missing), numbers from 001 in the order of the
      images, each file written whole or not at all, and a PixelLabelDatastore on them comes back. Files
      of these names are overwritten. Other files stay untouched and are not in the result, also not those
      with higher numbers that a longer run left.

    Consecutive images of one size go through the network ``mini_batch_size`` at a time. A network
    whose scores are smaller than its input gives labels of that smaller size. Class names of the result
    are ``classes``, else ``net.classes``, else C1, C2, ... ``verbose`` shows a progress bar for datastores,
    on stderr where that is a terminal.

    Raises DataError (which names the image) for images the network cannot take, scores that are NaN,
    no images, a wrong number of classes, and ``write_location`` with one image or with scores.
    Source: MATLAB, semanticseg; there the batch size is 128 and labels count from 1.

    >>> class Threshold:
    ...     classes = ("dark", "bright")
    ...     def predict(self, batch):
    ...         bright = batch / np.float32(255)
    ...         return np.concatenate([1 - bright, bright], axis=3)
    >>> semanticseg(np.array([[0, 200], [255, 10]], dtype=np.uint8), Threshold())
    array([[0, 1],
           [1, 0]], dtype=uint8)
    """
    if mini_batch_size < 1:
        raise DataError(f"mini_batch_size must be 1 or more, got {mini_batch_size}")
    if write_location is not None and return_scores:
        raise DataError("scores are not written to files; leave out return_scores or write_location")
    single = _single(images)
    store: ImageStore = images if single is None else single  # type: ignore[assignment]
    if single is not None and write_location is not None:
        raise DataError("write_location is for datastores; for one image, save the labels that come back")
    if not len(store):
        raise DataError("there are no images to segment")
    names = classes if classes is not None else net.classes
    segmented = _segmented(store, net, names, mini_batch_size, verbose and single is None)
    if write_location is not None:
        return _written(segmented, Path(write_location), name_prefix, len(store), names)
    labels, scores = [], []
    for found, score in segmented:
        labels.append(found)
        if return_scores:
            scores.append(score)
    if single is not None:
        return (labels[0], scores[0]) if return_scores else labels[0]
    if isinstance(images, np.ndarray):
        return (np.stack(labels), np.stack(scores)) if return_scores else np.stack(labels)
    return (labels, scores) if return_scores else labels


def _single(images: object) -> list[Any] | None:
    """One image, from an array or a file, as a list of it; None for a stack or a store."""
    if isinstance(images, str | os.PathLike):
        return [images]
    if isinstance(images, np.ndarray):
        if images.ndim not in (2, 3, 4):
            raise DataError(
                f"images must be (H, W), (H, W, C) or a stack (N, H, W, C), got the shape {images.shape}"
            )
        return None if images.ndim == 4 else [images]
    if not (hasattr(images, "__len__") and hasattr(images, "__getitem__")):
        raise WrongTypeError(
            f"images must be an array, a path or a datastore, got an object of type {type(images).__name__}"
        )
    return None


def _segmented(
    store: ImageStore, net: Predictor, names: Sequence[str] | None, size: int, verbose: bool
) -> Iterator[tuple[Labels, Scores]]:
    """Labels and scores of each image in turn, computed batch by batch."""
    for first, batch in batches(store, size, verbose=verbose):
        place = image_name(store, first)
        try:
            scores = np.asarray(net.predict(batch))
        except LayergraphError as error:
            raise DataError(f"{place}: {error}") from error
        if scores.ndim != 4 or len(scores) != len(batch):
            raise DataError(
                f"{place}: the network's scores must be (N, H, W, num_classes) with N = {len(batch)}, "
                f"got {scores.shape}"
            )
        count = scores.shape[3]
        if not 1 <= count <= UNLABELLED:
            raise DataError(f"labels have room for 1 to {UNLABELLED} classes, the network scores {count}")
        if names is not None and len(names) != count:
            raise DataError(f"there are {len(names)} class names and the network scores {count} classes")
        if np.isnan(scores).any():
            raise DataError(f"{place}: the network's scores hold NaN; its weights or the image may hold NaN")
        yield from zip(scores.argmax(axis=3).astype(np.uint8), scores, strict=True)


def _written(
    segmented: Iterator[tuple[Labels, Scores]],
    folder: Path,
    prefix: str,
    count: int,
    names: Sequence[str] | None,
) -> PixelLabelDatastore:
    # imported here: arrays do not need the data package
    from layergraph.data import PixelLabelDatastore, write_labels
    from layergraph.data.label_ids import LabelIds

    if names is not None:
        LabelIds(names, range(len(names)))  # names that the result cannot have, before hours of work
    if not prefix or Path(prefix).name != prefix:
        raise DataError(f"name_prefix must be the beginning of a file name, got {prefix!r}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder '{folder}' of write_location: {error.strerror}") from None
    width = max(3, len(str(count)))
    files, num_classes = [], 0
    for number, (labels, scores) in enumerate(segmented, start=1):
        path = folder / f"{prefix}_{number:0{width}d}.png"
        write_labels(path, labels)
        files.append(path)
        num_classes = scores.shape[2]
    if names is None:
        names = [f"C{number}" for number in range(1, num_classes + 1)]
    return PixelLabelDatastore(files, list(names), list(range(num_classes)))
