"""The scores of images, checked before they become labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError, DataError, LayergraphError, NotEnoughMemoryError
from layergraph.segmentation.predictors.monte_carlo import MonteCarlo
from layergraph.segmentation.predictors.predictor import Predictor, Scores, predict
from layergraph.wording import times


def image_scores(net: Predictor, batch: NDArray[Any], name_image: Callable[[int], str]) -> Scores:
    """The scores (N, H, W, num_classes) of a batch.

    ``name_image`` gives the name of an image of the batch for errors. Raises DataError for images that the
    network does not take and for scores of another shape, NotEnoughMemoryError where the memory does not
    suffice, ArgumentError for a network that classifies patches or has several outputs.

    >>> class Half:
    ...     classes = None
    ...     def predict(self, batch):
    ...         return batch / 2
    >>> image_scores(Half(), np.ones((1, 1, 2, 1)), "image {}".format).tolist()
    [[[[0.5], [0.5]]]]
    """
    try:
        scores = predict(net, batch)
    except ArgumentError:  # a fault of the network, not of an image
        raise
    except LayergraphError as error:
        # torch raises a RuntimeError for an image of another size than the patches
        if isinstance(error.__cause__, RuntimeError):
            _check_map(net, error)
        raise DataError(f"{name_image(0)}: {error}") from error
    except (RuntimeError, MemoryError) as error:
        if _is_out_of_memory(error):
            raise NotEnoughMemoryError(f"{name_image(0)}: {_too_large(batch)}") from error
        _check_map(net, error)
        error.add_note(f"raised by the network for {name_image(0)}, an array of shape {batch.shape[1:]}")
        raise
    # two axes are one score per class, the usual result of a classifier
    if scores.ndim == 2:
        _check_map(net, None)
    if scores.ndim != batch.ndim or len(scores) != len(batch):
        axes = "N, H, W" if batch.ndim == 4 else "N, H, W, D"
        raise DataError(
            f"{name_image(0)}: the network's scores must be ({axes}, num_classes) with N = {len(batch)}, "
            f"got {scores.shape}"
        )
    # argmax takes NaN for the highest score, so that it would become a label without an error
    faulty = np.isnan(scores).reshape(len(scores), -1).any(axis=1)
    if faulty.any():
        index = int(faulty.argmax())
        # NaN in the image or the weights spreads to the scores: the input shows which of them it is
        cause = "the image holds NaN or infinity"
        if np.isfinite(batch[index]).all():
            cause = "the image holds finite numbers, so weights of the network may be NaN"
        raise DataError(f"{name_image(index)}: the network's scores must be numbers, got NaN; {cause}")
    return scores


def _is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: PyTorch raises a RuntimeError whose text depends on the device."""
    text = str(error).lower()
    # texts of CUDA, of torch's CPU allocator (on Linux and on Windows), and of cuBLAS
    words = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
    return isinstance(error, MemoryError) or any(word in text for word in words)


def _too_large(batch: NDArray[Any]) -> str:
    count, size = len(batch), times(batch.shape[1:-1])
    if count > 1:
        return (
            f"not enough memory for a batch of {count} images of {size}; give a smaller mini_batch_size, "
            f"such as {count // 2}"
        )
    advice = "" if batch.ndim > 4 else ", or give the network a smaller image: AtSize(net, (height, width))"
    return f"not enough memory for an image of {size}; segment it in tiles: Tiles(net){advice}"


def _check_map(net: Predictor, error: Exception | None) -> None:
    """Raise if a network gives one score per class, not a map of scores, for an image of its input size."""
    # MonteCarlo hides the input sizes, and one pass without dropout shows the shape as well
    net = net.net if isinstance(net, MonteCarlo) else net
    sizes: Sequence[Sequence[int]] = getattr(net, "input_sizes", ())
    if len(sizes) != 1:
        return
    try:
        # a convolutional classifier gives a map for large images, but one pixel for a patch
        scores = predict(net, np.zeros((1, *sizes[0]), np.float32))
    except (RuntimeError, LayergraphError):  # the size of the image is not the cause
        return
    if np.ndim(scores) == 2 or set(np.shape(scores)[1:-1]) == {1}:
        raise ArgumentError(
            f"semanticseg: net must score each pixel, got a network that classifies patches of "
            f"{times(sizes[0][:-1])}; give SlidingWindow(net), or make it score each pixel by "
            "fully_convolutional(lgraph)"
        ) from error
