"""What layers share whose window slides over the image: the fit, and MATLAB's wording."""

from __future__ import annotations

from math import prod
from typing import cast

from layergraph.errors import SizeError
from layergraph.layers.arguments import Numbers, Padding, pairs
from layergraph.layers.layer import Shape, bracketed
from layergraph.layers.memory_rule import NOTHING, Amount
from layergraph.layers.receptive_field_rule import ReceptiveFieldRule, window_rule
from layergraph.sizes import Size, Window
from layergraph.wording import times


def window(size: Numbers, stride: Numbers, dilation: Numbers, padding: Padding) -> Window:
    """The window of a layer's arguments, which are in normal form."""
    margins = None if padding == "same" else pairs(padding)
    return Window(cast(Shape, size), cast(Shape, stride), cast(Shape, dilation), margins)


def slide(window: Window, size: Size) -> Shape:
    """The spatial output size; raises where the window is larger than its padded input."""
    result = window.output(size.spatial)
    if min(result) < 1:
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
    """The padded copy of an input that is made where torch cannot pad by itself."""
    if torch_padding is not None:
        return NOTHING
    return Amount(prod(window.padded_size(size.spatial)) * size.channels)


def window_rules(window: Window, size: Size) -> tuple[ReceptiveFieldRule, ...]:
    """What an output position sees through the window, in each dimension."""
    befores = [before for before, _ in window.padding(size.spatial)]
    return tuple(map(window_rule, window.size, window.dilation, window.stride, befores))


def margins_text(padding: Padding) -> str:
    """Padding or cropping in normal form as MATLAB writes it."""
    if padding == "same":
        return "'same'"
    if isinstance(cast(Shape, padding)[0], int):
        return bracketed(cast(Shape, padding))
    rows = (bracketed(row)[1:-1] for row in cast(tuple[Shape, ...], padding))
    return f"[{'; '.join(rows)}]"
