"""After the last iteration: statistics of batch normalization, where a failure costs no trained network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layergraph.errors import DataError
from layergraph.network import Network
from layergraph.progress import progress
from layergraph.training.batch_normalization import finalize_batch_normalization
from layergraph.training.batches import even_batches
from layergraph.training.interrupts import StopRequest
from layergraph.training.items import Items
from layergraph.training.options import TrainingOptions
from layergraph.training.stages import has_batch_normalization, stages_of
from layergraph.wording import visible

_KEPT = "batch normalization keeps the running averages of the training"


def finalize(
    net: Network, items: Items, options: TrainingOptions, stop: StopRequest, device: torch.device
) -> list[str]:
    """Compute the statistics of batch normalization over all items, where the options say so.

    Nothing is raised: an item that cannot be read is left out, and after another failure, or a signal, the
    running averages of the training stay. Returns a warning for each of these.

    A signal that ended the training leaves no time, except Ctrl-C; that one may come again.
    """
    if options.batch_normalization_statistics != "population" or not has_batch_normalization(net):
        return []
    reading = _Reading(items, device)
    batches = even_batches(len(items), options.mini_batch_size)
    ended, stop.received = stop.received, None
    try:
        if ended is not None and ended.name != "SIGINT":
            raise _SignalError(ended.name)
        stages = stages_of(net, reading.first())
        with progress("Finalizing", len(stages) * len(batches), shown=options.verbose) as advance:

            def proceed() -> None:
                advance()
                if stop.received is not None:
                    raise _SignalError(stop.received.name)

            finalize_batch_normalization(net, stages, batches, reading, proceed=proceed)
    except _SignalError as signal:
        return [f"train_network: {signal} came before the statistics of all images were known; {_KEPT}"]
    except Exception as error:
        reason = visible(f"{type(error).__name__}: {error}")
        found = reading.warnings()
        return [
            *found,
            f"train_network: statistics over all images could not be computed ({reason}); {_KEPT}",
        ]
    finally:
        stop.received = stop.received or ended
    return reading.warnings()


class _SignalError(Exception):
    """A signal came; its name."""


class _Reading:
    """Reads images in groups of one size, and leaves out those that cannot be used."""

    def __init__(self, items: Items, device: torch.device) -> None:
        self._items, self._device = items, device
        self._left_out: dict[int, str] = {}

    def __call__(self, indices: Sequence[int]) -> list[Tensor]:
        sizes: dict[tuple[int, ...], list[NDArray[Any]]] = {}
        for index in indices:
            if index in self._left_out:
                continue
            try:
                image, _ = self._items.read(index)
            except Exception as error:  # the data is the user's: it raises what it likes
                self._left_out[index] = f"{type(error).__name__}: {error}"
                continue
            if image.dtype.kind == "f" and not np.isfinite(image).all():
                self._left_out[index] = "it holds values that are NaN or infinite"
            else:
                sizes.setdefault(image.shape, []).append(image)
        stacked = (self._items.stacked(images) for images in sizes.values())
        return [images.to(self._device, self._items.dtype) for images in stacked]

    def first(self) -> Tensor:
        """The first image that can be used."""
        found = (images for index in range(len(self._items)) for images in self([index]))
        image = next(found, None)
        if image is None:
            raise DataError("no image can be read")
        return image

    def warnings(self) -> list[str]:
        """What was left out, in one sentence."""
        if not self._left_out:
            return []
        index = min(self._left_out)
        count = f"{len(self._left_out)} of {len(self._items)}"
        return [
            f"train_network: the statistics of batch normalization leave out {count} items, first "
            f"{self._items.where(index)} ({visible(self._left_out[index])})"
        ]
