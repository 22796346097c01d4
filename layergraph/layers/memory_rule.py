"""How layers say what memory they take."""

from __future__ import annotations

from dataclasses import dataclass

INDEX_BYTES = 8
"""torch counts places in images, and takes class indices, in 64 bits."""

_FLOAT32_BYTES = 4


@dataclass(frozen=True)
class Amount:
    """An amount of memory, before the batch size and the dtype are known.

    Attributes:
        numbers: numbers in the network's dtype, of one observation.
        indices: whole numbers of 64 bits, of one observation.
        shared_numbers, shared_indices: those that the whole batch shares.
        wide_numbers: numbers of at least 32 bits, of one observation, where the network's have fewer.

    >>> (Amount(numbers=100) + Amount(indices=10, shared_numbers=5)).num_bytes(batch_size=2, item_bytes=4)
    980
    """

    numbers: int = 0
    indices: int = 0
    shared_numbers: int = 0
    shared_indices: int = 0
    wide_numbers: int = 0

    def num_bytes(self, batch_size: int, item_bytes: int) -> int:
        """The amount in bytes, for so many observations and so many bytes a number."""
        numbers = batch_size * self.numbers + self.shared_numbers
        indices = batch_size * self.indices + self.shared_indices
        wide = batch_size * self.wide_numbers * max(item_bytes, _FLOAT32_BYTES)
        return numbers * item_bytes + wide + indices * INDEX_BYTES

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.numbers + other.numbers,
            self.indices + other.indices,
            self.shared_numbers + other.shared_numbers,
            self.shared_indices + other.shared_indices,
            self.wide_numbers + other.wide_numbers,
        )


NOTHING = Amount()


@dataclass(frozen=True)
class SavedForBackward:
    """What autograd keeps of a layer's forward pass for the backward pass, its weights aside.

    A tensor that two layers keep, as a ReLU its result and the next convolution its input, is there once;
    so layers name the ports whose tensors they keep, and count only what is nobody else's.

    Attributes:
        inputs, outputs: the ports.
        private: what is kept besides.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    private: Amount = NOTHING
