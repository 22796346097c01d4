"""Sizes with labelled dimensions, and the arithmetic of windows that slide over them.

Labels are MATLAB's: S spatial, C channel, B batch. The batch is written as 1: sizes are those of
one observation.
"""

from __future__ import annotations

from math import gcd, prod
from operator import ge
from typing import NamedTuple

Shape = tuple[int, ...]

LARGEST = 2**63 - 1
"""The largest number of elements that torch can count, and the largest dimension."""

_MOST_STARTS = 2**16  # of windows whose dilation is larger than the image


class Size(NamedTuple):
    """The size of one activation: its shape, and a label for each dimension.

    >>> size = Size((360, 480, 3, 1), "SSCB")
    >>> print(size)
    360(S) × 480(S) × 3(C) × 1(B)
    >>> size.spatial, size.channels
    ((360, 480), 3)
    """

    shape: tuple[int, ...]
    format: str

    @property
    def spatial(self) -> tuple[int, ...]:
        """The spatial numbers: height, width and, for volumes, depth."""
        return self.shape[: self.format.count("S")]

    @property
    def channels(self) -> int:
        """The number of channels."""
        return self.shape[self.format.index("C")]

    @property
    def num_elements(self) -> int:
        """How many numbers one observation has."""
        return prod(self.shape)

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """The shape of the torch tensor: batch, channels, then the spatial numbers."""
        return (self.shape[-1], self.channels, *self.spatial)

    def with_channels(self, channels: int) -> Size:
        """The same size with another number of channels."""
        return image_size(self.spatial, channels)

    def __str__(self) -> str:
        return " × ".join(f"{n}({label})" for n, label in zip(self.shape, self.format, strict=True))


def image_size(spatial: tuple[int, ...], channels: int) -> Size:
    """The size of an image (two spatial numbers), a volume (three) or a vector (none)."""
    return Size((*spatial, channels, 1), "S" * len(spatial) + "CB")


def window_extent(window: int, dilation: int) -> int:
    """How far a dilated window reaches: ``(window - 1) * dilation + 1``."""
    return (window - 1) * dilation + 1


def window_output(size: int, extent: int, stride: int, padding: int) -> int:
    """Positions of a window of this extent; a remainder that fills no window is dropped.

    >>> window_output(339, 2, 2, 0)
    169
    """
    return (size + padding - extent) // stride + 1


def same_output(size: int, stride: int) -> int:
    """The output size of padding ``same``: ``size / stride``, rounded up."""
    return -(-size // stride)


class Window(NamedTuple):
    """A window that slides over an image, with a number for each spatial dimension.

    ``margins`` are the rows of padding (before, after) in each dimension; ``None`` means ``"same"``.

    >>> Window((3, 3), (2, 2), (1, 1), None).output((45, 60))
    (23, 30)
    """

    size: Shape
    stride: Shape
    dilation: Shape
    margins: tuple[tuple[int, int], ...] | None

    @property
    def extents(self) -> Shape:
        """How far the dilated window reaches."""
        return tuple(map(window_extent, self.size, self.dilation))

    def output(self, spatial: Shape) -> Shape:
        """The spatial output size."""
        if self.margins is None:
            return tuple(map(same_output, spatial, self.stride))
        return tuple(map(window_output, spatial, self.extents, self.stride, map(sum, self.margins)))

    def padding(self, spatial: Shape) -> tuple[tuple[int, int], ...]:
        """The rows of padding (before, after) in each dimension of an image of this size."""
        return self.margins or tuple(map(same_padding, spatial, self.extents, self.stride))

    def all_meet(self, spatial: Shape) -> bool:
        """Whether every window has an element in an image of this size; dilated ones may step over it."""
        if all(map(ge, spatial, self.dilation)):
            return True
        befores = (before for before, _ in self.padding(spatial))
        sides = zip(
            spatial, self.size, self.stride, self.dilation, befores, self.output(spatial), strict=True
        )
        return all(_all_meet(*side) for side in sides)

    def convolution_padding(self, value: float = 0.0) -> Shape | None:
        """The padding as torch's convolutions take it, a number a dimension; ``None`` if they cannot."""
        padding = self._even_padding()
        return None if padding is None or (value and any(padding)) else padding

    def pooling_padding(self) -> Shape | None:
        """The padding as torch's pools take it: at most half the window."""
        padding = self._even_padding()
        if padding is None or any(n > size // 2 for n, size in zip(padding, self.size, strict=True)):
            return None
        return padding

    def averaging_padding(self) -> Shape | None:
        """The padding as torch's average pools take it: of a volume none.

        torch refuses a volume smaller than the window, also where its padding makes it fit.
        """
        padding = self.pooling_padding()
        return None if padding is None or (len(self.size) == 3 and any(padding)) else padding

    def _even_padding(self) -> Shape | None:
        margins = self.margins
        if margins is None:
            if any(s > 1 and extent > 1 for s, extent in zip(self.stride, self.extents, strict=True)):
                return None  # depends on the size of the image
            margins = tuple(same_padding(10**6, extent, 1) for extent in self.extents)
        if any(before != after for before, after in margins):
            return None
        return tuple(before for before, _ in margins)

    def padded_apart(self, spatial: Shape) -> Shape:
        """The size of the copy that is padded first, where torch's own argument cannot say the padding.

        ``"same"`` pads by the whole extent less one, with rows behind the last window.
        """
        if self.margins is None:
            return tuple(n + extent - 1 for n, extent in zip(spatial, self.extents, strict=True))
        return tuple(n + sum(margin) for n, margin in zip(spatial, self.margins, strict=True))


def _all_meet(size: int, window: int, stride: int, dilation: int, before: int, outputs: int) -> bool:
    # 1. one element of all windows is often enough: the middle one, with padding "same"
    last = (outputs - 1) * stride
    if before <= dilation * (window - 1) and -before % dilation + last < size:
        return True
    # 2. else the first window must reach the image, and the last start in it
    if dilation * (window - 1) < before or last - before >= size:
        return False
    # 3. of those between, the first element at 0 or above must be in the image; where it is repeats
    if size >= dilation:
        return True
    starts = min(outputs, dilation // gcd(stride, dilation))
    return starts <= _MOST_STARTS and all(
        (output * stride - before) % dilation < size for output in range(starts)
    )


def same_padding(size: int, extent: int, stride: int) -> tuple[int, int]:
    """Padding before and after for ``same``; an odd total puts the extra row at the end.

    >>> same_padding(90, 3, 2)
    (0, 1)
    """
    total = max((same_output(size, stride) - 1) * stride + extent - size, 0)
    return total // 2, total - total // 2


def transposed_output(size: int, window: int, stride: int, cropping: int) -> int:
    """The output size of a transposed convolution.

    >>> transposed_output(11, 4, 2, 0)
    24
    """
    return stride * (size - 1) + window - cropping


def same_cropping(window: int, stride: int) -> tuple[int, int]:
    """Cropping before and after so that the output is ``stride * size``.

    A window smaller than the stride gives a negative number after: that much is padded.
    """
    total = window - stride
    before = max(total, 0) // 2
    return before, total - before
