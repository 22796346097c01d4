"""Measurements of the memory that torch saves and allocates, by storage, so that views count once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def storage(tensor: Tensor) -> int:
    """A number that identifies the storage of a tensor that is alive."""
    return tensor.untyped_storage()._cdata


class SavedTensors(saved_tensors_hooks):
    """Collects the tensors that autograd saves, except for those of the network (its weights and statistics).

    autograd saves Python numbers, such as the 0.5 of ``0.5 * x``, as tensors, too; they do not count.
    """

    def __init__(self, network_tensors: Iterable[Tensor]) -> None:
        self.own = {storage(tensor) for tensor in network_tensors}
        self.by_storage: dict[int, Tensor] = {}
        super().__init__(self._pack, lambda tensor: tensor)

    def __enter__(self) -> SavedTensors:  # type: ignore[override]
        super().__enter__()
        return self

    def _pack(self, tensor: Tensor) -> Tensor:
        if tensor.dim() and storage(tensor) not in self.own:
            self.by_storage[storage(tensor)] = tensor  # kept alive, so that its number stays unique
        return tensor

    def num_bytes(self, ignored: Iterable[Any] = ()) -> int:
        """The number of saved bytes, except for those of some tensors."""
        storages = {storage(tensor) for tensor in ignored if isinstance(tensor, Tensor)}
        saved = (tensor for key, tensor in self.by_storage.items() if key not in storages)
        return sum(tensor.untyped_storage().nbytes() for tensor in saved)


class PeakBytes(TorchDispatchMode):
    """Records the peak of the bytes of all tensors that are alive after an operation.

    Tensors that exist before count only if they are ``given``; those of the network never count.
    """

    def __init__(self, given: Iterable[Tensor] = (), network_tensors: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.own = {storage(tensor) for tensor in network_tensors}
        self.alive: dict[StorageWeakRef, int] = {}
        for tensor in given:
            self._count(tensor)
        self.peak = sum(self.alive.values())

    def _count(self, tensor: Tensor) -> None:
        memory = tensor.untyped_storage()
        if memory._cdata not in self.own:
            self.alive[StorageWeakRef(memory)] = memory.nbytes()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._count(tensor)
        self.alive = {ref: size for ref, size in self.alive.items() if not ref.expired()}
        self.peak = max(self.peak, sum(self.alive.values()))
        return result
