"""The statistics of batch normalization after the last iteration, where an error loses no trained network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layergraph.errors import DataError
from layergraph.network.network import Network
from layergraph.progress import progress
from layergraph.sizes import Shape
from layergraph.training.batches.input_images import stack_images
from layergraph.training.batches.items import Items
from layergraph.training.batches.mini_batches import even_batches
from layergraph.training.interrupts import StopRequest
from layergraph.training.options import TrainingOptions
from layergraph.training.statistics.batch_statistics import finalize_batch_normalization
from layergraph.training.statistics.stages import has_batch_normalization, stages_of
from layergraph.wording import visible

_FALLBACK = "batch normalization keeps the running averages of the training"


def finalize(
    net: Network, items: Items, options: TrainingOptions, stop: StopRequest, device: torch.device
) -> list[str]:
    """Compute the statistics of batch normalization over all items, if the options ask for them.

    The function raises no error: it omits unreadable items, and after another error, or a signal, it keeps
    the running averages of the training. It returns a warning for each of these.

    If a signal other than Ctrl-C ended the training, there is no time for statistics. After Ctrl-C, they are
    computed until a second one.
    """
    if options.batch_normalization_statistics != "population" or not has_batch_normalization(net):
        return []
    reader = _ImageReader(items, device)
    # all items: the mini-batches of training omit a remainder
    batches = even_batches(len(items), options.mini_batch_size)
    # a new signal ends the statistics; the one that ended training must not
    last_signal, stop.received = stop.received, None
    try:
        # a job that is ended has seconds left; the user who pressed Ctrl-C can press it again
        if last_signal is not None and last_signal.name != "SIGINT":
            raise _SignalError(last_signal.name)
        # one image is enough to count the batch normalizations that each layer runs
        stages = stages_of(net, reader.first())
        with progress("Finalizing", len(stages) * len(batches), shown=options.verbose) as advance:

            def proceed() -> None:
                advance()
                if stop.received is not None:
                    raise _SignalError(stop.received.name)

            finalize_batch_normalization(net, stages, batches, reader, proceed=proceed)
    except _SignalError as signal:
        return [
            f"train_network: {signal} came before the statistics of all images were complete; {_FALLBACK}"
        ]
    except Exception as error:
        reason = visible(f"{type(error).__name__}: {error}")
        return [
            *reader.warnings(),
            f"train_network: statistics over all images could not be computed ({reason}); {_FALLBACK}",
        ]
    finally:
        stop.received = stop.received or last_signal
    return reader.warnings()


class _SignalError(Exception):
    """A signal came; its argument is the name of the signal."""


class _ImageReader:
    """Reads images in groups of one size, and omits those that are unreadable or not finite."""

    def __init__(self, items: Items, device: torch.device) -> None:
        self._items, self._device = items, device
        # reasons by index: an item that fails once is out in all stages, whose statistics must agree
        self._omitted: dict[int, str] = {}

    def __call__(self, indices: Sequence[int]) -> list[tuple[Tensor, ...]]:
        # these batches are not those of training, and may hold images of several sizes
        sizes: dict[tuple[Shape, ...], list[tuple[NDArray[Any], ...]]] = {}
        for index in indices:
            if index in self._omitted:
                continue
            try:
                images = self._items.read(index).images
            except Exception as error:  # the data of a user may raise any error
                self._omitted[index] = f"{type(error).__name__}: {error}"
                continue
            if any(image.dtype.kind == "f" and not np.isfinite(image).all() for image in images):
                self._omitted[index] = "it holds values that are NaN or infinite"
            else:
                sizes.setdefault(tuple(image.shape for image in images), []).append(images)
        return [
            tuple(self._tensor(column) for column in zip(*group, strict=True)) for group in sizes.values()
        ]

    def _tensor(self, images: Sequence[NDArray[Any]]) -> Tensor:
        dtype = self._items.dtype
        return stack_images(images, dtype).to(self._device, dtype)

    def first(self) -> tuple[Tensor, ...]:
        """The images of the first readable item."""
        readable = (images for index in range(len(self._items)) for images in self([index]))
        images = next(readable, None)
        if images is None:
            raise DataError("no image can be read")
        return images

    def warnings(self) -> list[str]:
        """A sentence about the omitted items, if there are some."""
        if not self._omitted:
            return []
        index = min(self._omitted)
        count = f"{len(self._omitted)} of {len(self._items)}"
        return [
            f"train_network: the statistics of batch normalization omit {count} items, the first is "
            f"{self._items.item_name(index)} ({visible(self._omitted[index])})"
        ]
