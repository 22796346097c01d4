"""Which image sizes a U-Net serves, and how large its output is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from layergraph.errors import ArgumentError

Join = Literal["crop", "pad"]


@dataclass(frozen=True)
class Rows:
    """The rows (or columns) of an image on their way down and up again.

    Args:
        depth: number of poolings; an odd row is dropped.
        lost: rows that the two convolutions of a stage take: 0 with padding ``"same"``.
        join: how features of unequal size are joined: the encoder's are cropped, or the upsampled ones
            padded. ``None`` crops too, but takes only what halves evenly at every pooling, as MATLAB does.

    >>> Rows(depth=4, lost=4).output(572), Rows(depth=4, lost=0, join="pad").output(101)
    (388, 101)
    """

    depth: int
    lost: int
    join: Join | None = None

    @property
    def smallest(self) -> int:
        """The smallest image that leaves a row everywhere."""
        rows = 1
        for _ in range(self.depth if self.join != "pad" else 0):  # what the decoder needs
            rows = max(1, -(-(rows + self.lost) // 2))
        rows += self.lost
        for _ in range(self.depth):
            rows = 2 * rows + self.lost
        return rows

    def fits(self, rows: int) -> bool:
        """Whether an image of so many rows can be served."""
        even = self.join is not None or (rows - self.smallest) % 2**self.depth == 0
        return even and rows >= self.smallest

    def output(self, rows: int) -> int:
        """The rows of the output, for an image that fits."""
        skips = []
        for _ in range(self.depth):
            skips.append(rows - self.lost)
            rows = skips[-1] // 2
        rows -= self.lost
        for skip in reversed(skips):
            rows = (skip if self.join == "pad" else 2 * rows) - self.lost
        return rows

    def nearest(self, rows: int) -> list[int]:
        """The nearest numbers below and above that fit."""
        if self.join is not None or rows < self.smallest:
            return [max(rows, self.smallest)]
        below = rows - (rows - self.smallest) % 2**self.depth
        return [below, below + 2**self.depth]


def output_size(
    builder: str,
    image_size: Sequence[int],
    depth: int,
    window: Sequence[int],
    *,
    valid: bool,
    join: Join | None = None,
    joins: Sequence[Join] = (),
) -> tuple[int, ...]:
    """The spatial size of the output; ``joins`` are the ways of joining that the builder offers.

    Raises:
        ArgumentError: the image does not fit; the message names the nearest sizes that do.
    """
    output = []
    for what, n, w in zip(("height", "width", "depth"), image_size, window, strict=False):
        lost = 2 * (w - 1) if valid else 0
        rows = Rows(depth, lost, join)
        if not rows.fits(n):
            near = rows.nearest(n)
            cures = ["resize or pad the images", "choose another encoder_depth"]
            if others := [f"join={j!r}" for j in joins if Rows(depth, lost, j).fits(n)]:
                cures.append(f"join features of unequal size by {' or '.join(others)}")
            raise ArgumentError(
                f"{builder}: an image {what} of {n} does not fit encoder_depth={depth}"
                f"{f' with valid convolutions of size {w}' if valid else ''}; the nearest that "
                f"{'fits' if len(near) == 1 else 'fit'}: {' and '.join(map(str, near))}; "
                f"{', '.join(cures[:-1])}, or {cures[-1]}"
            )
        output.append(rows.output(n))
    return tuple(output)
