"""Windows that slide over an image: fit, padded copy, receptive field, and MATLAB's wording."""

from __future__ import annotations

from math import prod
from typing import Literal, cast

from layergraph.amounts import NOTHING, Amount
from layergraph.errors import SizeError
from layergraph.layers.arguments import Numbers, Padding, pairs
from layergraph.layers.layer import Shape, bracketed
from layergraph.layers.receptive_field_rule import ReceptiveFieldRule, window_rule
from layergraph.sizes import Size, Window
from layergraph.wording import times


def window(size: Numbers, stride: Numbers, dilation: Numbers, padding: Padding) -> Window:
    """The window of arguments in normal form."""
    margins = None if padding == "same" else pairs(padding)
    return Window(cast(Shape, size), cast(Shape, stride), cast(Shape, dilation), margins)


def slide(window: Window, size: Size) -> Shape:
    """The spatial output size.

    Raises:
        SizeError: the window is larger than its padded input.
    """
    result = window.output(size.spatial)
    if min(result) < 1:
        # only given margins can be too small: "same" pads until the window fits
        margins = window.margins or ((0, 0),) * len(window.size)
        padded = [n + sum(margin) for n, margin in zip(size.spatial, margins, strict=True)]
        padding = " with padding" if any(map(any, margins)) else ""
        raise SizeError(
            "LG-WINDOW",
            f"the {times(window.extents)} window is larger than its input {times(padded)}{padding}",
            advice="use a larger image, fewer downsampling layers, a smaller window or more padding",
        )
    return result


def padded_copy_memory(window: Window, torch_padding: Shape | None, size: Size) -> Amount:
    """The memory of the padded copy of an input, where no padding argument of torch does (``None``)."""
    if torch_padding is not None:
        return NOTHING
    return Amount(prod(window.padded_size(size.spatial)) * size.channels)


def window_rules(window: Window, size: Size) -> tuple[ReceptiveFieldRule, ...]:
    """The positions that an output position reads through the window, per dimension."""
    # padding after the image moves no window, so the padding before it decides the positions
    befores = [before for before, _ in window.padding(size.spatial)]
    return tuple(map(window_rule, window.size, window.dilation, window.stride, befores))


def margins_mode(margins: Padding) -> Literal["same", "manual"]:
    """MATLAB's ``PaddingMode`` or ``CroppingMode``."""
    return "same" if margins == "same" else "manual"


def margins_size(margins: Padding) -> Shape | tuple[Shape, ...]:
    """MATLAB's ``PaddingSize`` or ``CroppingSize``: empty for ``"same"``, which depends on the input."""
    return () if margins == "same" else cast("Shape | tuple[Shape, ...]", margins)


def margins_text(margins: Padding) -> str:
    """Padding or cropping in normal form as MATLAB writes it."""
    if margins == "same":
        return "'same'"
    if isinstance(cast(Shape, margins)[0], int):
        return bracketed(cast(Shape, margins))
    # of a volume: a matrix with the margins before in its first row and those after in its second
    rows = (bracketed(row)[1:-1] for row in cast(tuple[Shape, ...], margins))
    return f"[{'; '.join(rows)}]"
