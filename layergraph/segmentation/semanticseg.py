"""Semantic segmentation of images with a network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, get_args, overload

import numpy as np
from numpy.typing import NDArray

from layergraph.data.label_array import LabelArray
from layergraph.data.label_ids import class_names
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.segmentation.execution import Precision, execution
from layergraph.segmentation.image_batches import SHAPES, ImageStore
from layergraph.segmentation.label_files import Names, label_file_names, write_label_files
from layergraph.segmentation.predictors.fit import Fit, fitted
from layergraph.segmentation.predictors.predictor import Predictor, Scores, image_rank, require_predictor
from layergraph.segmentation.predictors.tiles import Tiles
from layergraph.segmentation.region import region_of_interest
from layergraph.segmentation.segmented import Segmented, segmented_images
from layergraph.segmentation.tiles.windows import is_array_like
from layergraph.wording import quoted

if TYPE_CHECKING:
    from layergraph.data import PixelLabelDatastore

PathLike = str | os.PathLike[str]
ImageOrStack = NDArray[Any] | PathLike
OutputType = Literal["categorical", "uint8", "double"]
ReturnScores = Literal["chosen", "all"]


class Options(TypedDict, total=False):
    """The arguments of :func:`semanticseg` that do not change the type of the result."""

    roi: Sequence[int] | None
    output_type: OutputType
    mini_batch_size: int | Literal["auto"]
    name_prefix: str
    names: Names
    classes: Sequence[str] | None
    fit: Fit
    execution_environment: str
    precision: Precision | None
    verbose: bool


@overload
def semanticseg(  # type: ignore[overload-overlap]  # an array is a store too; the first form wins
    images: ImageOrStack, net: Predictor, *, return_scores: Literal[False] = ..., **options: Unpack[Options]
) -> LabelArray: ...
@overload
def semanticseg(  # type: ignore[overload-overlap]
    images: ImageOrStack,
    net: Predictor,
    *,
    return_scores: Literal[True] | ReturnScores,
    **options: Unpack[Options],
) -> tuple[LabelArray, Scores]: ...
@overload
def semanticseg(
    images: ImageStore, net: Predictor, *, return_scores: Literal[False] = ..., **options: Unpack[Options]
) -> list[LabelArray]: ...
@overload
def semanticseg(
    images: ImageStore,
    net: Predictor,
    *,
    return_scores: Literal[True] | ReturnScores,
    **options: Unpack[Options],
) -> tuple[list[LabelArray], list[Scores]]: ...
@overload
def semanticseg(
    images: ImageStore | ImageOrStack,
    net: Predictor,
    *,
    write_location: PathLike,
    **options: Unpack[Options],
) -> PixelLabelDatastore: ...
def semanticseg(
    images: ImageOrStack | ImageStore,
    net: Predictor,
    roi: Sequence[int] | None = None,
    *,
    output_type: OutputType = "categorical",
    return_scores: bool | ReturnScores = False,
    mini_batch_size: int | Literal["auto"] = "auto",
    write_location: PathLike | None = None,
    name_prefix: str = "pixelLabel",
    names: Names = "prefixed",
    classes: Sequence[str] | None = None,
    fit: Fit = "error",
    execution_environment: str = "auto",
    precision: Precision | None = None,
    verbose: bool = True,
) -> Any:
    """Label each pixel with the class of the highest score (the first of equal scores).

    Labels are uint8 class indices that know their names, so that ``labels == "road"`` selects a class (see
    :class:`~layergraph.data.LabelArray`); scores are float32, or float64 if the network has float64 weights.
    The form of ``images`` sets the form of the results:

    - one image, an array (H, W) or (H, W, C) or the path of a file: labels (H, W), and with
      ``return_scores="all"`` the pair (labels, scores (H, W, num_classes));
    - a stack (N, H, W, C): labels (N, H, W), or the pair with scores (N, H, W, num_classes);
    - a folder, a datastore, or a list of images: a list of labels, or the pair of two lists;
    - for a network of volumes, the same with a depth after the width: (H, W, D) or (H, W, D, C). It gets
      whole volumes.

    Args:
        images: the images, in the range of the training images.
        net: a compiled network or a predictor around one: :class:`Tiles` for images larger than memory,
            :class:`MultiScale` (also with flips), :class:`AtSize`, :class:`PadToFit`, :class:`MonteCarlo` for
            the mean of samples with dropout, :class:`WithDenseCRF`, :class:`SlidingWindow` for a network that
            classifies patches. A network whose scores are smaller than its input gives labels of that size.
        roi: the rectangle to segment, (x, y, width, height) in pixels; x counts columns and y rows, from 0.
            (x, y, z, width, height, depth) for volumes. The network gets this part alone. Outside, labels are
            255 (unlabeled) and scores NaN.
        output_type: ``"categorical"`` for labels that know their names, ``"uint8"`` for a plain array of the
            same numbers, ``"double"`` for a float64 array with NaN for unlabeled pixels.
        return_scores: ``"all"`` (or True) also returns the scores of all classes, ``"chosen"`` those of the
            labels, (H, W).
        mini_batch_size: the number of consecutive images of one size per call of the network; ``"auto"`` for
            as many as fit in memory, halved where they do not.
        write_location: a folder, made if missing, for a label image per image; the result is then a
            PixelLabelDatastore of these files, in the order of the images. They are PNG files whose values
            are class indices and whose palette shows them in color (for volumes, NumPy files), each written
            whole or not at all. Files of these names are overwritten, except images to segment; other files
            remain. Memory holds one batch at a time.
        name_prefix: the beginning of the names of label files.
        names: ``"prefixed"`` names them ``<name_prefix>_<name of the image>.png``, ``"source"`` as the image
            itself, and ``"numbered"`` from 1, as MATLAB does. Equal names of images get the path from the
            common folder, joined by ``_``; images without files are numbered.
        classes: the class names; by default ``net.classes``, else C1, C2, ...
        fit: for images of a size that the network does not take: ``"error"``; ``"pad"`` mirrors them to the
            next size that it takes and crops the result (:class:`PadToFit`); ``"resize"`` resizes every image
            to the input size of the network and its scores back (:class:`AtSize`).
        execution_environment: ``"cpu"``, ``"gpu"``, a device such as ``"cuda:1"``, or ``"auto"``, the GPU if
            torch has CUDA. The network is back on its device afterwards.
        precision: None for that of the weights; ``"bf16-mixed"``, or ``"16-mixed"`` on a GPU, for torch's
            automatic mixed precision.
        verbose: show a progress bar on stderr if stderr is a terminal, for more than one image.

    Raises:
        DataError: images that cannot be read or that the network does not take, NaN scores, no images. It
            names the image.
        NotEnoughMemoryError: one image, or a batch of ``mini_batch_size``, does not fit in memory.
        WrongTypeError: ``net`` is no network, or an image is no array.
        ArgumentError: a network that classifies patches, a wrong number of classes, and arguments out of
            range or against each other.

    Source: MATLAB, semanticseg; there labels and regions count from 1.

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
    net = fitted(require_predictor("semanticseg", net), fit)
    rank = image_rank(net)
    region = region_of_interest(roi, rank)
    kind = arguments.choice("semanticseg", "output_type", output_type, get_args(OutputType))
    scores = _scores_to_return(return_scores)
    size = None if mini_batch_size == "auto" else mini_batch_size
    if size is not None:
        size = arguments.whole("semanticseg", "mini_batch_size", size)
    if write_location is not None and (scores or kind != "categorical"):
        argument, value = ("return_scores", return_scores) if scores else ("output_type", kind)
        default = "False" if scores else "'categorical'"
        reason = "scores are not written" if scores else "the result is a datastore of label files"
        raise ArgumentError(
            f"semanticseg: {argument} must be {default} with write_location, got {value!r}; {reason}"
        )
    images = _folder(images)
    single = _single_image(images, rank)
    if single and isinstance(images, np.ndarray) and write_location is not None:
        raise ArgumentError(
            "semanticseg: write_location must be None for a single array, got "
            f"{quoted(str(write_location))}; give a list of one image, or write the returned labels: "
            "write_labels(path, labels)"
        )
    store: Any = [images] if single else images
    if not len(store):
        raise DataError("semanticseg: images must hold one image or more, got none")
    # names given in the call win over those of the network
    given = classes if classes is not None else net.classes
    class_list = None if given is None else class_names(given, "semanticseg: classes")
    # a generator: nothing runs until its results are taken, below or while files are written
    results = segmented_images(
        store,
        net,
        class_list,
        region=region,
        mini_batch_size=size,
        scores=scores is not None,
        verbose=verbose and not (single and not isinstance(net, Tiles)),
    )
    with execution(net, execution_environment, precision):
        if write_location is not None:
            file_names = label_file_names(store, name_prefix, names, ".png" if rank == 2 else ".npy")
            return write_label_files(results, Path(write_location), file_names, store, class_list)
        rows = [_joined(image, class_list, kind, scores) for image in results]
    columns: list[Any] = [list(column) for column in zip(*rows, strict=True)]
    # the results take the form of the images
    if single:
        columns = [column[0] for column in columns]
    # only images as an array are sure to have one size, and so labels that can be stacked
    elif isinstance(images, np.ndarray):
        columns = [np.stack(column) for column in columns]
    return tuple(columns) if scores else columns[0]


def _scores_to_return(value: bool | str) -> ReturnScores | None:
    if isinstance(value, str):
        words: tuple[ReturnScores, ...] = get_args(ReturnScores)
        return arguments.choice("semanticseg", "return_scores", value, words, or_else="True or False")
    return "all" if arguments.flag("semanticseg", "return_scores", value) else None


def _joined(
    image: Segmented, names: tuple[str, ...] | None, output_type: OutputType, scores: ReturnScores | None
) -> tuple[Any, ...]:
    """The labels of an image in this type, with the scores to return."""
    bands = list(image.bands)
    indices = bands[0].labels if len(bands) == 1 else np.concatenate([band.labels for band in bands])
    labels: Any = LabelArray.from_indices(indices, names)
    if output_type == "uint8":
        labels = np.asarray(indices)
    elif output_type == "double":
        labels = np.where(indices == UNLABELED, np.nan, indices)
    if scores is None:  # they take many times the memory of labels, and exist only on request
        return (labels,)
    all_scores: Any = [band.scores for band in bands]
    all_scores = all_scores[0] if len(bands) == 1 else np.concatenate(all_scores)
    return (labels, all_scores.max(axis=-1) if scores == "chosen" else all_scores)


def _folder(images: Any) -> Any:
    """The images of a folder as a datastore; anything else is returned."""
    # a zarr array is a folder too
    if isinstance(images, str | os.PathLike) and os.path.isdir(images) and Path(images).suffix != ".zarr":
        # imported here: arrays do not need the data package
        from layergraph.data import ImageDatastore

        return ImageDatastore(images)
    return images


def _single_image(images: object, rank: int) -> bool:
    """Whether ``images`` is one image, an array or a file; if not, it is a stack or a store."""
    if isinstance(images, str | os.PathLike):
        return True
    # an array of another library, read by windows
    if isinstance(images, np.ndarray) or is_array_like(images):
        ndim = len(images.shape)  # type: ignore[attr-defined]
        if ndim not in (rank, rank + 1, rank + 2):
            stack = "(N, H, W, C)" if rank == 2 else "(N, H, W, D, C)"
            raise DataError(
                f"semanticseg: images must be {SHAPES[rank].replace(' or', ',')} or a stack {stack}, got the "
                f"shape {images.shape}"  # type: ignore[attr-defined]
            )
        return ndim < rank + 2
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
