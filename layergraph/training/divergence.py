"""The end of a training whose loss is no longer finite: the network is restored from before."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from layergraph.training.batches.items import Items
from layergraph.training.batches.mini_batches import ItemKey, MiniBatches

_NUM_COPIES = 3  # for the iteration that runs, one whose check is pending, and the one before


class Divergence(NamedTuple):
    """The iteration (from 1) whose loss was not finite, and why training ended, for the user."""

    iteration: int
    text: str


class FiniteLoss:
    """Detects the first iteration whose loss or images are not finite, and restores the network.

    1. Before each iteration, the weights and buffers that training changes are copied on their device: this
       takes the memory of three networks, and less time than the optimizer.
    2. On a CUDA device, the check of iteration t is read after iteration t + 1 is queued: a read at once
       would stop the device until the CPU continues. On other devices, it is read at once.
    3. The first iteration that is not finite restores a copy. If its images are finite, its weights already
       were too large, so that the copy from one iteration earlier is restored.
    """

    def __init__(self, net: nn.Module, items: Items, batches: MiniBatches) -> None:
        self._items, self._batches = items, batches
        # frozen weights never change, so that copies of them would only take memory
        tensors = [p.detach() for p in net.parameters() if p.requires_grad] + [*net.buffers()]
        # by dtype, since one call copies the tensors of one dtype
        by_dtype: dict[torch.dtype, list[Tensor]] = {}
        for tensor in tensors:
            by_dtype.setdefault(tensor.dtype, []).append(tensor)
        self._groups = [*by_dtype.values()]
        self._copies: list[list[list[Tensor]]] = []
        self._first = 1  # the iteration of the first copy; a training that continues starts later
        # one pending check on CUDA, none elsewhere: a bool is 1 or 0
        self._delay = any(tensor.is_cuda for tensor in tensors)
        self._pending: deque[tuple[int, _PendingFlag]] = deque()

    @torch.no_grad()
    def copy_network(self, iteration: int) -> None:
        """Copy the network before iteration ``iteration`` (from 1)."""
        # the first copies take the memory; the later ones overwrite the oldest of them
        if not self._copies:
            self._first = iteration
        if len(self._copies) < _NUM_COPIES:
            self._copies.append([[tensor.clone() for tensor in group] for group in self._groups])
        else:
            _copy(self._groups, self._copies[(iteration - self._first) % _NUM_COPIES])

    def check(self, iteration: int, finite: Tensor) -> Divergence | None:
        """Add the check of an iteration; return the first that was not finite, as soon as this is known."""
        self._pending.append((iteration, _PendingFlag(finite)))
        return self._check_next() if len(self._pending) > self._delay else None

    def check_pending(self) -> Divergence | None:
        """The first iteration that was not finite among those whose checks are pending."""
        while self._pending:
            if (divergence := self._check_next()) is not None:
                return divergence
        return None

    def _check_next(self) -> Divergence | None:
        iteration, finite = self._pending.popleft()
        if finite.value():
            return None
        # later iterations started from the weights that are given up here
        self._pending.clear()
        # the images are read again, since none is kept
        keys = self._batches.iteration(iteration)
        item = self._faulty_item(keys)
        # with finite images, the network before this iteration is at fault: restore the one before that
        restored = iteration if item or iteration == self._first else iteration - 1
        self._restore(restored)
        if item:
            cause = f"{item} holds values that are NaN or infinite; repair it or leave it out"
        elif not self._finite():
            cause = "the weights that training starts from are NaN or infinite; start from others"
        elif iteration == 1:
            cause = "the first loss overflows; check the range of the images and the weights of the network"
        else:
            cause = "the learning rate is probably too high; lower initial_learn_rate"
        names = [self._items.item_name(index) for _, index in keys]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        state = "before training" if restored == 1 else f"after iteration {restored - 1}"
        return Divergence(
            iteration,
            f"train_network: the loss of iteration {iteration} ({shown}) is not finite: {cause}. Training "
            f"ends here, and the network is the one {state}",
        )

    def _faulty_item(self, keys: list[ItemKey]) -> str:
        for epoch, index in keys:
            try:
                item = self._items.read(index, epoch)
            except Exception:  # the item was readable before, so that this error is not the cause
                continue
            for array in (*item.images, *item.targets):
                if array.dtype.kind == "f" and not np.isfinite(array).all():
                    return self._items.item_name(index)
        return ""

    @torch.no_grad()
    def _restore(self, iteration: int) -> None:
        _copy(self._copies[(iteration - self._first) % _NUM_COPIES], self._groups)

    def _finite(self) -> bool:
        return all(bool(tensor.isfinite().all()) for group in self._groups for tensor in group)


def _copy(sources: list[list[Tensor]], targets: list[list[Tensor]]) -> None:
    for source, target in zip(sources, targets, strict=True):
        # one call for a list: a loop would start one kernel per tensor
        torch._foreach_copy_(target, source)


class _PendingFlag:
    """A truth value in transfer from a CUDA device: its read waits for no later work of the device."""

    def __init__(self, value: Tensor) -> None:
        self._value = value
        self._event: torch.cuda.Event | None = None
        if value.is_cuda:
            # only a copy to pinned memory returns before it is complete
            self._value = torch.empty(value.shape, dtype=value.dtype, pin_memory=True)
            self._value.copy_(value, non_blocking=True)
            self._event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._event.record()

    def value(self) -> bool:
        if self._event is not None:
            self._event.synchronize()
        return bool(self._value)
