"""Amounts of memory: counts of numbers and indices, which the batch size and the dtype turn into bytes."""

from __future__ import annotations

from dataclasses import dataclass

INDEX_BYTES = 8
"""torch stores positions in images and class indices in 64 bits."""

_FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Amount:
    """An amount of memory, before the batch size and the dtype are known.

    Attributes:
        numbers: numbers in the network's dtype, per observation.
        indices: whole numbers of 64 bits, per observation.
        shared_numbers, shared_indices: the same, once for the whole batch.
        wide_numbers: numbers per observation in at least 32 bits; losses are never summed in half precision.
        flags: truth values of one byte, per observation.

    >>> (Amount(numbers=100) + Amount(indices=10, shared_numbers=5)).num_bytes(batch_size=2, item_bytes=4)
    980
    """

    numbers: int = 0
    indices: int = 0
    shared_numbers: int = 0
    shared_indices: int = 0
    wide_numbers: int = 0
    flags: int = 0

    def num_bytes(self, batch_size: int, item_bytes: int) -> int:
        """The amount in bytes for this many observations and bytes per number."""
        numbers = batch_size * self.numbers + self.shared_numbers
        indices = batch_size * self.indices + self.shared_indices
        wide = batch_size * self.wide_numbers * max(item_bytes, _FLOAT32_BYTES)
        return numbers * item_bytes + wide + indices * INDEX_BYTES + batch_size * self.flags

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.numbers + other.numbers,
            self.indices + other.indices,
            self.shared_numbers + other.shared_numbers,
            self.shared_indices + other.shared_indices,
            self.wide_numbers + other.wide_numbers,
            self.flags + other.flags,
        )


NOTHING = Amount()
