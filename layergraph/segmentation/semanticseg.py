"""Semantic segmentation of images with a network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, overload

import numpy as np
from numpy.typing import NDArray

from layergraph.data.label_array import LabelArray, class_names
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.labels import UNLABELLED
from layergraph.layers import arguments
from layergraph.segmentation.label_files import write_label_files
from layergraph.segmentation.predictors.image_batches import ImageStore, batches, image_name
from layergraph.segmentation.predictors.image_scores import image_scores
from layergraph.segmentation.predictors.monte_carlo import MonteCarlo
from layergraph.segmentation.predictors.predictor import Predictor, Scores, Uncertainty, require_predictor
from layergraph.segmentation.predictors.sliding_window import SlidingWindow
from layergraph.wording import quoted

if TYPE_CHECKING:
    from layergraph.data import PixelLabelDatastore

ImageOrStack = NDArray[Any] | str | os.PathLike[str]


class Options(TypedDict, total=False):
    """The arguments of :func:`semanticseg` that do not change the type of the result."""

    method: Literal["whole-image", "sliding-window"]
    mini_batch_size: int | None
    name_prefix: str
    classes: Sequence[str] | None
    verbose: bool


@overload
def semanticseg(  # type: ignore[overload-overlap]  # an array is a store too; the first form wins
    images: ImageOrStack, net: Predictor, *, return_scores: Literal[False] = ..., monte_carlo: None = ...,
    write_location: None = ..., **options: Unpack[Options],
) -> LabelArray: ...  # fmt: skip
@overload
def semanticseg(  # type: ignore[overload-overlap]
    images: ImageOrStack, net: Predictor, *, return_scores: Literal[True], monte_carlo: None = ...,
    write_location: None = ..., **options: Unpack[Options],
) -> tuple[LabelArray, Scores]: ...  # fmt: skip
@overload
def semanticseg(  # type: ignore[overload-overlap]
    images: ImageOrStack, net: Predictor, *, return_scores: bool = ..., monte_carlo: int,
    write_location: None = ..., **options: Unpack[Options],
) -> tuple[LabelArray, Scores, Uncertainty]: ...  # fmt: skip
@overload
def semanticseg(
    images: ImageStore, net: Predictor, *, return_scores: Literal[False] = ..., monte_carlo: None = ...,
    write_location: None = ..., **options: Unpack[Options],
) -> list[LabelArray]: ...  # fmt: skip
@overload
def semanticseg(
    images: ImageStore, net: Predictor, *, return_scores: Literal[True], monte_carlo: None = ...,
    write_location: None = ..., **options: Unpack[Options],
) -> tuple[list[LabelArray], list[Scores]]: ...  # fmt: skip
@overload
def semanticseg(
    images: ImageStore, net: Predictor, *, return_scores: bool = ..., monte_carlo: int,
    write_location: None = ..., **options: Unpack[Options],
) -> tuple[list[LabelArray], list[Scores], list[Uncertainty]]: ...  # fmt: skip
@overload
def semanticseg(
    images: ImageStore, net: Predictor, *, return_scores: Literal[False] = ..., monte_carlo: int | None = ...,
    write_location: str | os.PathLike[str], **options: Unpack[Options],
) -> PixelLabelDatastore: ...  # fmt: skip
def semanticseg(
    images: ImageOrStack | ImageStore,
    net: Predictor,
    *,
    return_scores: bool = False,
    method: Literal["whole-image", "sliding-window"] = "whole-image",
    monte_carlo: int | None = None,
    mini_batch_size: int | None = None,
    write_location: str | os.PathLike[str] | None = None,
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

    ``method="sliding-window"`` is for a network that classifies patches of its input size: each pixel gets
    the class of the patch around it (:class:`SlidingWindow`, which also has a step between pixels).

    ``monte_carlo=n`` keeps dropout active and predicts with the mean scores of n samples. The result is then
    always a triple (labels, scores, uncertainty (H, W) float32), or three stacks, or three lists. The
    uncertainty of a pixel is the variance of the samples, averaged over the classes. ``write_location``
    writes only labels. See :class:`MonteCarlo`, also for seeds; :func:`heatmap` shows the uncertainty.

    The network gets ``mini_batch_size`` consecutive images of one size per call, by default 8; with a
    sliding window, 256 patches. A network whose scores are smaller than its input gives labels of
    that smaller size. Class names of the result are ``classes``, else ``net.classes``, else C1, C2, ...
    ``verbose`` shows a progress bar for datastores, patches and samples on stderr, if stderr is a terminal.

    Raises DataError (which names the image) for images that the network cannot take or that do not fit in
    memory, NaN scores and an empty store; WrongTypeError if ``net`` is no network or an image is no array;
    ArgumentError for a method that does not suit the network, samples of a network without dropout, a wrong
    number of classes, ``write_location`` with one image or with scores, and numbers out of range.
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
    net = require_predictor("semanticseg", net)
    if mini_batch_size is not None:
        mini_batch_size = arguments.whole("semanticseg", "mini_batch_size", mini_batch_size)
    if write_location is not None and return_scores:
        raise ArgumentError(
            "semanticseg: return_scores must be False with write_location, got True; scores are not written"
        )
    arguments.choice("semanticseg", "method", method, ("whole-image", "sliding-window"))
    single = _single(images)
    store: ImageStore = images if single is None else single  # type: ignore[assignment]
    if single is not None and write_location is not None:
        raise ArgumentError(
            "semanticseg: write_location must be None for one image, got a folder; write_labels(path, "
            "labels) saves the returned labels, or give a list of one image"
        )
    if not len(store):
        raise DataError("there are no images to segment")
    given = classes if classes is not None else net.classes
    names = None if given is None else class_names(given)
    batch_size = mini_batch_size or 8
    inner = verbose and len(store) == 1 and (method == "sliding-window" or monte_carlo is not None)
    if method == "sliding-window":
        patches = mini_batch_size or 256
        net, batch_size = SlidingWindow(net, mini_batch_size=patches, verbose=inner and not monte_carlo), 1
    if monte_carlo is not None:
        arguments.whole("semanticseg", "monte_carlo", monte_carlo, 2)
        net = MonteCarlo(net, monte_carlo, verbose=inner)
    results = _segment(store, net, names, batch_size, verbose and single is None and not inner)
    if write_location is not None:
        labels = ((result[0], result[1].shape[2]) for result in results)
        return write_label_files(labels, Path(write_location), name_prefix, store, names)
    num_outputs = 3 if monte_carlo else 2 if return_scores else 1
    columns: list[Any] = [
        list(column) for column in zip(*(result[:num_outputs] for result in results), strict=True)
    ]
    if single is not None:
        columns = [column[0] for column in columns]
    elif isinstance(images, np.ndarray):
        columns = [np.stack(column) for column in columns]
    return tuple(columns) if num_outputs > 1 else columns[0]


def _single(images: object) -> list[Any] | None:
    """A single image, an array or a file, as a list of one item; None for a stack or a store."""
    if isinstance(images, str | os.PathLike):
        if os.path.isdir(images):
            raise WrongTypeError(
                f"images must be an array, the path of a file or a datastore, got the folder "
                f"{quoted(str(images))}; ImageDatastore(folder) reads its images"
            )
        return [images]
    if isinstance(images, np.ndarray):
        if images.ndim not in (2, 3, 4):
            raise DataError(
                f"images must be (H, W), (H, W, C) or a stack (N, H, W, C), got the shape {images.shape}"
            )
        return None if images.ndim == 4 else [images]
    if not (hasattr(images, "__len__") and hasattr(images, "__getitem__")):
        raise WrongTypeError(
            f"images must be an array, a path or a datastore, got an object of type {type(images).__name__}; "
            "np.asarray(image) makes an array of an opened image"
        )
    # a tensor: as a list, each of its rows would be an image, or its channels would come first
    if hasattr(images, "numpy"):
        raise WrongTypeError(
            f"images must be an array, a path or a datastore, got a {type(images).__name__}; "
            "x.permute(0, 2, 3, 1).numpy() makes an array with the channels last, and net(x) takes tensors"
        )
    return None


def _segment(
    store: ImageStore, net: Predictor, names: tuple[str, ...] | None, size: int, verbose: bool
) -> Iterator[tuple[LabelArray, Scores, Uncertainty]]:
    """Yield labels, scores and uncertainty (empty without samples) of each image, batch by batch."""
    for first, batch in batches(store, size, verbose=verbose):
        scores, uncertainty = image_scores(net, batch, partial(_name_in_batch, store, first))
        count = scores.shape[3]
        if not 1 <= count <= UNLABELLED:
            raise ArgumentError(
                f"semanticseg: the network must score 1 to {UNLABELLED} classes, as labels hold, got {count}"
            )
        if names is not None and len(names) != count:
            raise ArgumentError(
                f"semanticseg: there must be one class name per class that the network scores ({count}), got "
                f"{len(names)}"
            )
        labels = LabelArray.of_indices(scores.argmax(axis=3).astype(np.uint8), names)
        yield from zip(labels, scores, uncertainty, strict=True)


def _name_in_batch(store: ImageStore, first: int, index: int) -> str:
    return image_name(store, first + index)
