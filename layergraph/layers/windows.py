"""What layers share whose window slides over the image: sizes, the fit, and MATLAB's wording."""

from __future__ import annotations

from typing import cast

from layergraph.errors import SizeError
from layergraph.layers.arguments import Padding, pairs
from layergraph.layers.layer import Shape, bracketed, times
from layergraph.sizes import Size, same_output, window_extent, window_output


def slid_spatial(spatial: Shape, window: Shape, stride: Shape, dilation: Shape, padding: Padding) -> Shape:
    """The spatial output size of a sliding window; ``padding`` in normal form."""
    if padding == "same":
        return tuple(map(same_output, spatial, stride))
    extents = map(window_extent, window, dilation)
    return tuple(map(window_output, spatial, extents, stride, map(sum, pairs(padding))))


def check_fits(result: Shape, size: Size, window: Shape, dilation: Shape, padding: Padding) -> None:
    """Raise where the window is larger than its padded input."""
    if min(result) >= 1:
        return
    margin = (0,) * len(window) if padding == "same" else tuple(map(sum, pairs(padding)))
    padded = [n + m for n, m in zip(size.spatial, margin, strict=True)]
    extent = list(map(window_extent, window, dilation))
    raise SizeError(
        "LG-WINDOW",
        f"the {times(extent)} window is larger than its input {times(padded)}{' with padding' * any(margin)}",
        hint="use a larger image, fewer downsampling layers, a smaller window or more padding",
    )


def margins_text(padding: Padding) -> str:
    """Padding or cropping in normal form as MATLAB writes it."""
    if padding == "same":
        return "'same'"
    if isinstance(cast(Shape, padding)[0], int):
        return bracketed(cast(Shape, padding))
    rows = (bracketed(row)[1:-1] for row in cast(tuple[Shape, ...], padding))
    return f"[{'; '.join(rows)}]"
