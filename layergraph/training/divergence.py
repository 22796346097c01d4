"""The end of a training whose loss is no longer finite, and the network as it was before."""

from __future__ import annotations

from collections import deque
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from layergraph.training.items import Items

_KEPT = 3  # one iteration runs, one is not yet known to be finite, one before these is


class Divergence(NamedTuple):
    """The iteration (from 1) whose loss was not finite, and why training ended, for the user."""

    iteration: int
    text: str


class FiniteLoss:
    """Watches for the first iteration whose loss, or whose images, are not finite.

    Before each iteration the weights and buffers that training changes are copied on their device: as much
    memory as three networks, and less time than the optimizer takes. Whether iteration t was finite is read
    after iteration t + 1 is queued on a CUDA device, so that the device never waits for the processor; on
    other devices at once.
    """

    def __init__(self, net: nn.Module, items: Items) -> None:
        self._items = items
        self._tensors = [p.detach() for p in net.parameters() if p.requires_grad] + [*net.buffers()]
        # tensors of one dtype in a row are copied at once
        self._tensors.sort(key=lambda tensor: str(tensor.dtype))
        self._copies: list[list[Tensor]] = []
        self._behind = any(tensor.is_cuda for tensor in self._tensors)
        self._waiting: deque[tuple[int, list[int], _Arriving]] = deque()

    @torch.no_grad()
    def before(self, iteration: int) -> None:
        """Copy the network as iteration ``iteration`` (from 1) finds it."""
        if len(self._copies) < _KEPT:
            self._copies.append([tensor.clone() for tensor in self._tensors])
        else:
            _copy(self._tensors, self._copies[(iteration - 1) % _KEPT])

    def after(self, iteration: int, indices: list[int], finite: Tensor) -> Divergence | None:
        """Take in whether an iteration was finite; gives the first that was not, once that is known."""
        self._waiting.append((iteration, indices, _Arriving(finite)))
        return self._next() if len(self._waiting) > self._behind else None

    def at_end(self) -> Divergence | None:
        """The first iteration that was not finite among those that are not known yet."""
        while self._waiting:
            if (found := self._next()) is not None:
                return found
        return None

    def _next(self) -> Divergence | None:
        iteration, indices, finite = self._waiting.popleft()
        if finite.value():
            return None
        self._waiting.clear()
        item = self._culprit(indices)
        # the network before this iteration gives no finite loss on images that are: go one further back
        kept = iteration if item or iteration == 1 else iteration - 1
        self._restore(kept)
        if item:
            cause = f"{item} holds values that are NaN or infinite; repair it or leave it out"
        elif not self._finite():
            cause = "the weights that training starts from are NaN or infinite; start from others"
        elif iteration == 1:
            cause = "the first loss overflows; check the range of the images and the weights of the network"
        else:
            cause = "the learning rate is probably too high; lower initial_learn_rate"
        names = [self._items.where(index) for index in indices]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        state = "before training" if kept == 1 else f"after iteration {kept - 1}"
        return Divergence(
            iteration,
            f"train_network: the loss of iteration {iteration} ({shown}) is not finite: {cause}. Training "
            f"ends there; the network is as it was {state}",
        )

    def _culprit(self, indices: list[int]) -> str:
        for index in indices:
            try:
                image, target = self._items.read(index)
            except Exception:  # read once already; what is wrong with it now is not why the loss overflowed
                continue
            for array in (image, target):
                if array.dtype.kind == "f" and not np.isfinite(array).all():
                    return self._items.where(index)
        return ""

    @torch.no_grad()
    def _restore(self, iteration: int) -> None:
        _copy(self._copies[(iteration - 1) % _KEPT], self._tensors)

    def _finite(self) -> bool:
        return all(bool(tensor.isfinite().all()) for tensor in self._tensors)


def _copy(sources: list[Tensor], targets: list[Tensor]) -> None:
    """Copy tensors, all of one dtype by one call of the device."""
    for _, pairs in groupby(zip(sources, targets, strict=True), key=lambda pair: pair[0].dtype):
        group = list(pairs)
        torch._foreach_copy_([target for _, target in group], [source for source, _ in group])


class _Arriving:
    """A truth value on its way from a CUDA device: reading it waits for no later work there."""

    def __init__(self, value: Tensor) -> None:
        self._value = value
        self._event: torch.cuda.Event | None = None
        if value.is_cuda:
            self._value = torch.empty(value.shape, dtype=value.dtype, pin_memory=True)
            self._value.copy_(value, non_blocking=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record()

    def value(self) -> bool:
        if self._event is not None:
            self._event.synchronize()
        return bool(self._value)
