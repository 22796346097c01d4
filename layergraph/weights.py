"""The weights of a layer: an immutable mapping from tensor names to tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from layergraph.wording import times

if TYPE_CHECKING:
    from torch import Tensor


class Weights(Mapping[str, "Tensor"]):
    """The tensors of one layer by their names in its torch module.

    Two are equal if all tensors are equal to the bit. The tensors are not copied, so do not change them
    afterwards; :meth:`layergraph.network.network.Network.layer_graph` makes copies.
    """

    __slots__ = ("_tensors",)

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = dict(tensors)

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Weights) or self._tensors.keys() != other._tensors.keys():
            return False
        return all(_equal_bits(tensor, other._tensors[name]) for name, tensor in self._tensors.items())

    def __hash__(self) -> int:
        # of the names alone: equal weights have equal hashes, and no tensor is read
        return hash(frozenset(self._tensors))

    def __repr__(self) -> str:
        sizes = (f"{name} {times(t.shape)}" for name, t in self._tensors.items())
        return f"Weights({', '.join(sizes)})"


def _equal_bits(a: Tensor, b: Tensor) -> bool:
    # edited copies of a graph share their tensors, whose comparison would read all of them
    if a is b:
        return True
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    import torch

    # as bytes: torch.equal on the values would hold NaN unequal to itself, and 0 equal to -0
    return torch.equal(*(t.detach().cpu().contiguous().view(-1).view(torch.uint8) for t in (a, b)))
