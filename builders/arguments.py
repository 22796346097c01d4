"""Checks of builder arguments; what they share with layers is checked by the layers' own functions."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.errors import LayerArgumentError
from layergraph.layers import arguments


def poolings(builder: str, value: object) -> int:
    """A number of poolings: each halves the image, so that 30 need one of a billion rows."""
    return arguments.whole(builder, "encoder_depth", value, 1, 30)


def image_channels(builder: str, value: object, rank: int) -> tuple[int, ...]:
    """The image size with its channels; without them, one channel."""
    return arguments.image_numbers(builder, "image_size", value, rank)


def filter_window(builder: str, value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Odd filter sizes, so that padding can keep the size of the image."""
    window = arguments.per_dimension(builder, "filter_size", value, rank)
    if any(size % 2 == 0 for size in window):
        raise LayerArgumentError(f"{builder}: filter_size is odd, got {value!r}; 3, 5 and 7 are usual")
    return window
