"""The image sizes that a U-Net accepts, and the size of its output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from layergraph.builders.parts.builder_arguments import filter_window, image_channels, poolings, size_error
from layergraph.layers.arguments import choice, whole

Join = Literal["crop", "pad"]


@dataclass(frozen=True)
class SpatialDimension:
    """The number of rows (or columns) of an image on their way through a U-Net.

    Args:
        depth: number of poolings; each drops an odd row.
        lost: rows that the two convolutions of a stage lose: 0 with padding ``"same"``.
        join: how features of unequal size are joined: ``"crop"`` the encoder's, or ``"pad"`` the decoder's.
            ``None`` also crops, but accepts only numbers that halve evenly at every pooling, as MATLAB does.

    >>> SpatialDimension(depth=4, lost=4).output(572), SpatialDimension(4, 0, join="pad").output(101)
    (388, 101)
    """

    depth: int
    lost: int
    join: Join | None = None

    @property
    def smallest(self) -> int:
        """The smallest number of rows that leaves at least one row in every layer."""
        rows = 1
        # From the output up to the bridge. Padding restores the encoder's rows, so it adds no condition.
        for _ in range(self.depth if self.join != "pad" else 0):
            rows = max(1, -(-(rows + self.lost) // 2))
        # The bridge, then from the deepest stage up to the image.
        rows += self.lost
        for _ in range(self.depth):
            rows = 2 * rows + self.lost
        return rows

    def accepts(self, rows: int) -> bool:
        """Whether the network accepts images with this many rows."""
        # Sizes that halve evenly are a whole number of strides 2^depth apart, because each pooling halves
        # the distance.
        is_even = self.join is not None or (rows - self.smallest) % 2**self.depth == 0
        return is_even and rows >= self.smallest

    def output(self, rows: int) -> int:
        """Rows of the output, for a number of rows that the network accepts."""
        # Down the encoder: keep the rows of each stage before its pooling, which drops an odd row.
        skips = []
        for _ in range(self.depth):
            skips.append(rows - self.lost)
            rows = skips[-1] // 2
        rows -= self.lost
        # Up the decoder: padding restores the encoder's rows, cropping keeps the doubled ones.
        for skip in reversed(skips):
            rows = (skip if self.join == "pad" else 2 * rows) - self.lost
        return rows

    def nearest(self, rows: int) -> list[int]:
        """The nearest accepted numbers below and above a number that is not accepted."""
        if self.join is not None or rows < self.smallest:
            return [max(rows, self.smallest)]
        below = rows - (rows - self.smallest) % 2**self.depth
        return [below, below + 2**self.depth]


class UnetArguments(NamedTuple):
    """The checked arguments that determine the size of the output; ``size`` includes the channels."""

    size: tuple[int, ...]
    num_classes: int
    depth: int
    window: tuple[int, ...]
    valid: bool


def unet_arguments(
    caller: str,
    image_size: Sequence[int],
    num_classes: int,
    encoder_depth: int,
    filter_size: int | Sequence[int],
    convolution_padding: str,
    *,
    spatial_dims: int,
    default_channels: int = 1,
) -> UnetArguments:
    """The arguments in their normal form.

    Raises:
        ArgumentError: an argument is out of its range.
    """
    return UnetArguments(
        image_channels(caller, image_size, spatial_dims, default_channels),
        whole(caller, "num_classes", num_classes, 2),
        poolings(caller, encoder_depth),
        filter_window(caller, filter_size, spatial_dims),
        choice(caller, "convolution_padding", convolution_padding, ("same", "valid")) == "valid",
    )


def output_size(
    caller: str, arguments: UnetArguments, join: Join | None = None, joins: Sequence[Join] = ()
) -> tuple[int, ...]:
    """The spatial size of the output; ``joins`` are the values of ``join`` that the builder offers.

    Raises:
        ArgumentError: the image does not fit; the message names the nearest sizes that do.
    """
    depth, valid = arguments.depth, arguments.valid
    output = []
    for what, n, extent in zip(("height", "width", "depth"), arguments.size, arguments.window, strict=False):
        lost = 2 * (extent - 1) if valid else 0
        dimension = SpatialDimension(depth, lost, join)
        if not dimension.accepts(n):
            fixes = ["resize or pad the images", "choose another encoder_depth"]
            if others := [f"join={j!r}" for j in joins if SpatialDimension(depth, lost, j).accepts(n)]:
                fixes.append(f"join features of unequal size by {' or '.join(others)}")
            fault = f"an image {what} of {n} does not fit encoder_depth={depth}"
            if valid:
                fault += f" with valid convolutions of size {extent}"
            fix = f"{', '.join(fixes[:-1])}, or {fixes[-1]}"
            raise size_error(caller, fault, dimension.nearest(n), fix)
        output.append(dimension.output(n))
    return tuple(output)
