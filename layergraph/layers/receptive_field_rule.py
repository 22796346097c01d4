"""The input positions that an output position depends on, along one spatial dimension."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor, gcd
from typing import NamedTuple

_LONGEST_PERIOD = 256

Taps = tuple[int, int, int]
"""The first and last input position read, and the step between them; no position where first > last."""


class ReceptiveFieldRule(NamedTuple):
    """A rule that repeats: output ``m * outputs + r`` reads ``taps[r]``, moved by ``m * inputs``.

    The image counts as endless: its borders and padding are positions like others. A rule with a very long
    period would need thousands of taps; it has one tap that covers them all, and a fraction as ``inputs``.

    >>> window_rule(3, 1, 2, 1)  # a 3×3 convolution with stride 2 and padding 1
    ReceptiveFieldRule(outputs=1, inputs=2, taps=((-1, 1, 1),))
    >>> transposed_rule(2, 2, 0)  # a 2×2 transposed convolution with stride 2
    ReceptiveFieldRule(outputs=2, inputs=1, taps=((0, 0, 1), (0, 0, 1)))
    """

    outputs: int
    inputs: int | Fraction
    taps: tuple[Taps, ...]


RulesByPort = Mapping[str, tuple[ReceptiveFieldRule, ...]]
"""For each input port that a layer looks at, the rule along each spatial dimension."""


def window_rule(size: int, dilation: int, stride: int, before: int) -> ReceptiveFieldRule:
    """The rule of a window that slides over an input with this much padding before it."""
    return ReceptiveFieldRule(1, stride, ((-before, (size - 1) * dilation - before, dilation),))


def offset_rule(start: int) -> ReceptiveFieldRule:
    """The rule of a part of the input that starts at ``start``; below 0, padding comes before the input."""
    return ReceptiveFieldRule(1, 1, ((start, start, 1),))


IDENTITY_RULE = offset_rule(0)


def transposed_rule(size: int, stride: int, before: int) -> ReceptiveFieldRule:
    """The rule of a transposed window whose output is cropped by ``before`` at the start."""
    if stride > _LONGEST_PERIOD:
        return ReceptiveFieldRule(
            1, Fraction(1, stride), ((-((size - 1 - before) // stride) - 1, before // stride + 1, 1),)
        )
    # outputs take turns: each of ``stride`` neighbors meets other rows of the window
    positions = [output + before for output in range(stride)]
    return ReceptiveFieldRule(
        stride, 1, tuple((-((size - 1 - p) // stride), p // stride, 1) for p in positions)
    )


def resizing_rule(
    before: int, after: int, *, method: str, geometry: str, rounding: str
) -> ReceptiveFieldRule:
    """The rule of resizing ``before`` rows to ``after``; of one row, every output reads that row."""
    if before == 1:
        return ReceptiveFieldRule(1, 0, ((0, 0, 1),))
    # 3 rows from 2 repeat their pattern every 3 outputs, while the input advances by 2
    common = gcd(before, after)
    outputs, inputs = after // common, before // common
    if outputs > _LONGEST_PERIOD:
        ratio = Fraction(before, after)
        # one tap for all: the position of the first output, with a row more on both sides
        middle = (ratio - 1) / 2 if geometry == "half-pixel" else Fraction(0)
        return ReceptiveFieldRule(1, ratio, ((floor(middle) - 1, ceil(middle) + 1, 1),))
    taps = []
    for index in range(outputs):
        # exact fractions, because a rounded position may fall on the next row
        half = Fraction(1, 2) if geometry == "half-pixel" else Fraction(0)
        position = (index + half) * Fraction(before, after) - half
        if method == "bilinear":
            taps.append((floor(position), ceil(position), 1))
            continue
        if rounding == "round":
            row = floor(position + Fraction(1, 2))
        else:
            # "onnx-10" rounds down when enlarging and up when shrinking
            row = floor(position) if rounding == "floor" or after >= before else ceil(position)
        taps.append((row, row, 1))
    return ReceptiveFieldRule(outputs, inputs, tuple(taps))
