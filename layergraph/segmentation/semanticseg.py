"""Semantic segmentation of images with a network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from layergraph.data.label_array import LabelArray
from layergraph.data.label_ids import class_names
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.segmentation.image_batches import ImageStore, batches, image_name
from layergraph.segmentation.image_scores import image_scores
from layergraph.segmentation.label_files import write_label_files
from layergraph.segmentation.predictors.predictor import Predictor, Scores, require_predictor
from layergraph.wording import quoted

if TYPE_CHECKING:
    from layergraph.data import PixelLabelDatastore

ImageOrStack = NDArray[Any] | str | os.PathLike[str]
PathLike = str | os.PathLike[str]


class Options(TypedDict, total=False):
    """The arguments of :func:`semanticseg` that do not change the type of the result."""

    mini_batch_size: int
    name_prefix: str
    classes: Sequence[str] | None
    verbose: bool


@overload
def semanticseg(  # type: ignore[overload-overlap]  # an array is a store too; the first form wins
    images: ImageOrStack, net: Predictor, *, return_scores: Literal[False] = ..., **options: Unpack[Options]
) -> LabelArray: ...
@overload
def semanticseg(  # type: ignore[overload-overlap]
    images: ImageOrStack, net: Predictor, *, return_scores: Literal[True], **options: Unpack[Options]
) -> tuple[LabelArray, Scores]: ...
@overload
def semanticseg(
    images: ImageStore, net: Predictor, *, return_scores: Literal[False] = ..., **options: Unpack[Options]
) -> list[LabelArray]: ...
@overload
def semanticseg(
    images: ImageStore, net: Predictor, *, return_scores: Literal[True], **options: Unpack[Options]
) -> tuple[list[LabelArray], list[Scores]]: ...
@overload
def semanticseg(
    images: ImageStore, net: Predictor, *, write_location: PathLike, **options: Unpack[Options]
) -> PixelLabelDatastore: ...
def semanticseg(
    images: ImageOrStack | ImageStore,
    net: Predictor,
    *,
    return_scores: bool = False,
    mini_batch_size: int = 8,
    write_location: PathLike | None = None,
    name_prefix: str = "pixelLabel",
    classes: Sequence[str] | None = None,
    verbose: bool = True,
) -> Any:
    """Label each pixel with the class of the highest score (the first of equal scores).

    Labels are uint8 class indices that know their names, so that ``labels == "road"`` selects a class (see
    :class:`~layergraph.data.LabelArray`); scores are float32, or float64 if the network has float64 weights.
    The form of ``images`` sets the form of the results:

    - one image, an array (H, W) or (H, W, C) or the path of a file: labels (H, W), and with
      ``return_scores=True`` the pair (labels, scores (H, W, num_classes));
    - a stack (N, H, W, C): labels (N, H, W), or the pair with scores (N, H, W, num_classes);
    - a datastore, or a list of images: a list of labels, or the pair of two lists. With
      ``write_location``, memory holds only one batch at a time: the labels of each image go to a file
      ``<name_prefix>_<name of the image>.png`` in that folder (made if missing), and the result is a
      PixelLabelDatastore of these files, in the order of the images. No file is ever half-written. The label
      files of images with equal names have the path from the common folder in their names, joined by ``_``;
      those of images without files have the numbers from 001. An empty ``name_prefix`` adds no ``_``. Files
      of these names are overwritten, except images to segment. Other files remain and are not in the result.

    ``net`` is a compiled network or a predictor around one: :class:`SlidingWindow` for a network that
    classifies patches, :class:`MonteCarlo` for the mean of samples with dropout (and their uncertainty),
    :class:`MultiScale`, :class:`AtSize`, :class:`WithDenseCRF`.

    The network gets ``mini_batch_size`` consecutive images of one size per call. A network whose scores are
    smaller than its input gives labels of that smaller size. Class names of the result are ``classes``, else
    ``net.classes``, else C1, C2, ... ``verbose`` shows a progress bar for stacks, lists and datastores on
    stderr, if stderr is a terminal.

    Raises DataError (which names the image) for images that the network cannot take or that do not fit in
    memory, NaN scores and an empty store; WrongTypeError if ``net`` is no network or an image is no array;
    ArgumentError for a network that classifies patches, a wrong number of classes, ``write_location`` with
    one image or with scores, and numbers out of range.
    Source: MATLAB, semanticseg; there the batch size is 128 and labels count from 1.

    >>> class Threshold:
    ...     classes = ("dark", "bright")
    ...     def predict(self, batch):
    ...         bright = batch / np.float32(255)
    ...         return np.concatenate([1 - bright, bright], axis=3)
    >>> semanticseg(np.array([[0, 200], [255, 10]], dtype=np.uint8), Threshold())
    LabelArray([[0, 1],
                [1, 0]], dtype=uint8)
    """
    # arguments first, so that no network runs for a call that must fail
    net = require_predictor("semanticseg", net)
    mini_batch_size = arguments.whole("semanticseg", "mini_batch_size", mini_batch_size)
    if write_location is not None and return_scores:
        raise ArgumentError(
            "semanticseg: return_scores must be False with write_location, got True; scores are not written"
        )
    single = _single_image(images)
    if single and write_location is not None:
        raise ArgumentError(
            "semanticseg: write_location must be None for a single image, got "
            f"{quoted(str(write_location))}; give a list of one image, or write the returned labels: "
            "write_labels(path, labels)"
        )
    store: Any = [images] if single else images
    if not len(store):
        raise DataError("semanticseg: images must hold one image or more, got none")
    # names given in the call win over those of the network
    given = classes if classes is not None else net.classes
    names = None if given is None else class_names(given, "semanticseg: classes")
    # a generator: nothing runs until its results are taken, below or while files are written
    results = _segment(store, net, names, mini_batch_size, verbose and not single)
    if write_location is not None:
        labels_and_counts = ((labels, scores.shape[2]) for labels, scores in results)
        return write_label_files(labels_and_counts, Path(write_location), name_prefix, store, names)
    # scores take many times the memory of labels, so that a list of them exists only on request
    rows = (result if return_scores else result[:1] for result in results)
    columns: list[Any] = [list(column) for column in zip(*rows, strict=True)]
    # the results take the form of the images
    if single:
        columns = [column[0] for column in columns]
    # only images as an array are sure to have one size, and so labels that can be stacked
    elif isinstance(images, np.ndarray):
        columns = [np.stack(column) for column in columns]
    return tuple(columns) if return_scores else columns[0]


def _single_image(images: object) -> bool:
    """Whether ``images`` is one image, an array or a file; if not, it is a stack or a store."""
    if isinstance(images, str | os.PathLike):
        if os.path.isdir(images):
            raise WrongTypeError(
                "semanticseg: images must be an array, the path of a file or a datastore, got the folder "
                f"{quoted(str(images))}; ImageDatastore(folder) reads its images"
            )
        return True
    if isinstance(images, np.ndarray):
        if images.ndim not in (2, 3, 4):
            raise DataError(
                "semanticseg: images must be (H, W), (H, W, C) or a stack (N, H, W, C), got the shape "
                f"{images.shape}"
            )
        return images.ndim < 4
    if not (hasattr(images, "__len__") and hasattr(images, "__getitem__")):
        raise WrongTypeError(
            "semanticseg: images must be an array, a path or a datastore, got an object of type "
            f"{type(images).__name__}; np.asarray(image) makes an array of an opened image"
        )
    # a tensor has items too: each of its rows would be an image, or its channels would come first
    if hasattr(images, "numpy"):
        raise WrongTypeError(
            f"semanticseg: images must be an array, a path or a datastore, got a {type(images).__name__}; "
            "x.permute(0, 2, 3, 1).numpy() makes an array with the channels last, and net(x) takes tensors"
        )
    return False


def _segment(
    store: ImageStore, net: Predictor, names: tuple[str, ...] | None, size: int, verbose: bool
) -> Iterator[tuple[LabelArray, Scores]]:
    """Yield labels and scores of each image, batch by batch."""
    for first, batch in batches(store, size, verbose=verbose):
        scores = image_scores(net, batch, partial(_name_in_batch, store, first))
        # here and not in semanticseg: the first scores show how many classes the network has
        count = scores.shape[3]
        if not 1 <= count <= UNLABELED:
            raise ArgumentError(
                f"semanticseg: net must score 1 to {UNLABELED} classes, as labels hold, got {count}"
            )
        if names is not None and len(names) != count:
            raise ArgumentError(
                f"semanticseg: classes must be one name per class that the network scores ({count}), got "
                f"{len(names)}"
            )
        # no check of the labels, since argmax cannot exceed the count
        labels = LabelArray.from_indices(scores.argmax(axis=3).astype(np.uint8), names)
        yield from zip(labels, scores, strict=True)


def _name_in_batch(store: ImageStore, first: int, index: int) -> str:
    return image_name(store, first + index)
