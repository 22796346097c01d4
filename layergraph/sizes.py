"""Sizes with labeled dimensions, and the arithmetic of windows that slide over them.

The labels are MATLAB's: S spatial, C channel, B batch. The batch is always 1: a size is that of one
observation.
"""

from __future__ import annotations

from math import gcd, prod
from operator import ge
from typing import NamedTuple

Shape = tuple[int, ...]

MAX_SIZE = 2**63 - 1
"""The largest number of elements of a tensor in torch, and the largest dimension."""

_MAX_STARTS = 2**16  # window positions to check one by one, where the dilation is larger than the image


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
        """The spatial dimensions: height, width and, for volumes, depth."""
        return self.shape[: self.format.count("S")]

    @property
    def channels(self) -> int:
        """The number of channels."""
        return self.shape[self.format.index("C")]

    @property
    def num_elements(self) -> int:
        """The number of elements of one observation."""
        return prod(self.shape)

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """The shape of the torch tensor: batch, channels, spatial dimensions."""
        return (self.shape[-1], self.channels, *self.spatial)

    def with_channels(self, channels: int) -> Size:
        """The same size with another number of channels."""
        return image_size(self.spatial, channels)

    def __str__(self) -> str:
        return " × ".join(f"{n}({label})" for n, label in zip(self.shape, self.format, strict=True))


def image_size(spatial: tuple[int, ...], channels: int) -> Size:
    """The size of an image (two spatial dimensions), a volume (three) or a vector (none)."""
    return Size((*spatial, channels, 1), "S" * len(spatial) + "CB")


def window_extent(window: int, dilation: int) -> int:
    """The extent of a dilated window: ``(window - 1) * dilation + 1``."""
    return (window - 1) * dilation + 1


def window_output(size: int, extent: int, stride: int, padding: int) -> int:
    """The number of positions of a window of this extent; rows that fill no window are dropped.

    >>> window_output(339, 2, 2, 0)
    169
    """
    return (size + padding - extent) // stride + 1


def same_output(size: int, stride: int) -> int:
    """The output size of padding ``same``: ``size / stride``, rounded up."""
    # in whole numbers, since a float quotient is inexact above 2^53
    return -(-size // stride)


class Window(NamedTuple):
    """A window that slides over an image, with one number per spatial dimension.

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
        """The extents of the dilated window."""
        return tuple(map(window_extent, self.size, self.dilation))

    def output(self, spatial: Shape) -> Shape:
        """The spatial output size."""
        if self.margins is None:
            return tuple(map(same_output, spatial, self.stride))
        return tuple(map(window_output, spatial, self.extents, self.stride, map(sum, self.margins)))

    def padding(self, spatial: Shape) -> tuple[tuple[int, int], ...]:
        """The rows of padding (before, after) in each dimension of an image of this size."""
        return self.margins or tuple(map(same_padding, spatial, self.extents, self.stride))

    def meets_input(self, spatial: Shape) -> bool:
        """Whether each window has an element in an image of this size; a dilated one may step over it."""
        # elements of a window are one dilation apart, so that it steps over no image of that size
        if all(map(ge, spatial, self.dilation)):
            return True
        befores = (before for before, _ in self.padding(spatial))
        sides = zip(
            spatial, self.size, self.stride, self.dilation, befores, self.output(spatial), strict=True
        )
        return all(_meets_input(*side) for side in sides)

    def convolution_padding(self, value: float = 0.0) -> Shape | None:
        """The argument ``padding`` of torch's convolutions; ``None`` if it cannot express this padding."""
        padding = self._even_padding()
        # torch's argument always pads with zeros
        return None if padding is None or (value and any(padding)) else padding

    def pooling_padding(self) -> Shape | None:
        """The argument ``padding`` of torch's pools, at most half the window; ``None`` if it must be more."""
        padding = self._even_padding()
        if padding is None or any(n > size // 2 for n, size in zip(padding, self.size, strict=True)):
            return None
        return padding

    def averaging_padding(self) -> Shape | None:
        """The argument ``padding`` of torch's average pools, which cannot pad volumes.

        torch refuses a volume smaller than the window, even if the padded volume is large enough.
        """
        padding = self.pooling_padding()
        return None if padding is None or (len(self.size) == 3 and any(padding)) else padding

    def _even_padding(self) -> Shape | None:
        margins = self.margins
        if margins is None:
            if any(s > 1 and extent > 1 for s, extent in zip(self.stride, self.extents, strict=True)):
                return None  # the margins depend on the size of the image
            # with stride 1, the margins are the same for every size
            margins = tuple(same_padding(10**6, extent, 1) for extent in self.extents)
        # torch's argument has one number for both sides
        if any(before != after for before, after in margins):
            return None
        return tuple(before for before, _ in margins)

    def padded_size(self, spatial: Shape) -> Shape:
        """The size of the padded copy, for padding that torch's argument cannot express.

        ``"same"`` pads by the extent minus one in all, with rows after the last window.
        """
        if self.margins is None:
            return tuple(n + extent - 1 for n, extent in zip(spatial, self.extents, strict=True))
        return tuple(n + sum(margin) for n, margin in zip(spatial, self.margins, strict=True))


def _meets_input(size: int, window: int, stride: int, dilation: int, before: int, outputs: int) -> bool:
    # Checking all windows would take a time that grows with the image, so shortcuts come first.
    # 1. often one element is in the image in all windows: the middle one, with padding "same"
    last = (outputs - 1) * stride
    if before <= dilation * (window - 1) and -before % dilation + last < size:
        return True
    # 2. else the first window must end in the image or after it, and the last must start before its end
    if dilation * (window - 1) < before or last - before >= size:
        return False
    # 3. in each window between, the first element at position 0 or after must be in the image. Its position
    #    repeats with the period dilation / gcd(stride, dilation), so one period is enough
    if size >= dilation:
        return True
    starts = min(outputs, dilation // gcd(stride, dilation))
    return starts <= _MAX_STARTS and all(
        (output * stride - before) % dilation < size for output in range(starts)
    )


def same_padding(size: int, extent: int, stride: int) -> tuple[int, int]:
    """The padding before and after for ``same``; the extra row of an odd total comes after.

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
    """The cropping before and after for an output of ``stride * size``.

    A window smaller than the stride gives a negative number after, which adds rows.
    """
    total = window - stride
    before = max(total, 0) // 2
    return before, total - before
