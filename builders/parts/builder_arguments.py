"""Checks of builder arguments; what they share with layers is checked by the layers' own functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layergraph.edits.input_size import with_input_size
from layergraph.errors import ArgumentError, InvalidNetworkError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import infer_sizes
from layergraph.layers import arguments

MOST_LAYERS = 10_000  # convolutions that one argument may ask for; a hundred times the deepest published
_FARTHEST = 1024  # how far from an image size that does not fit others are tried


def poolings(builder: str, value: object) -> int:
    """A number of poolings: each halves the image, so that 30 need one of a billion rows."""
    return arguments.whole(builder, "encoder_depth", value, 1, 30)


def layer_counts(builder: str, argument: str, value: int | Sequence[int], sections: int) -> tuple[int, ...]:
    """How many layers each section of a network has, from one number or one per section."""
    counts = arguments.per_dimension(builder, argument, value, sections)
    if sum(counts) > MOST_LAYERS:
        raise ArgumentError(
            f"{builder}: {argument} must be at most {MOST_LAYERS:,} in all {sections} sections together, "
            f"got {sum(counts):,}"
        )
    return counts


def image_channels(builder: str, value: object, rank: int, default: int = 1) -> tuple[int, ...]:
    """The image size with its channels; without them, ``default``."""
    size = arguments.image_numbers(builder, "image_size", value, rank)
    given: Any = value
    return size if len(given) > rank else (*size[:-1], default)


def filter_window(builder: str, value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """Odd filter sizes, so that padding can keep the size of the image."""
    window = arguments.per_dimension(builder, "filter_size", value, rank)
    if any(size % 2 == 0 for size in window):
        raise ArgumentError(f"{builder}: filter_size is odd, got {value!r}; 3, 5 and 7 are usual")
    return window


def check_image_size(builder: str, lgraph: LayerGraph) -> LayerGraph:
    """The graph, whose layers do not depend on the size of the image, if it can serve that size.

    Raises:
        ArgumentError: it cannot; the message names the nearest sizes that it can.
        InvalidNetworkError: no size is the cure.
    """
    if not infer_sizes(lgraph, "network").errors:
        return lgraph
    layer: Any = lgraph[lgraph.input_names[0]]
    *size, channels = layer.input_size

    def fits(n: int) -> bool:
        square = with_input_size(lgraph, (*(n,) * len(size), channels))
        return not infer_sizes(square, "network").errors

    for what, n in zip(("height", "width", "depth"), size, strict=False):
        if fits(n):
            continue
        below = next((m for m in range(n - 1, max(0, n - _FARTHEST), -1) if fits(m)), None)
        above = next((m for m in range(n + 1, n + _FARTHEST) if fits(m)), None)
        near = [m for m in (below, above) if m is not None]
        if near:
            raise ArgumentError(
                f"{builder}: an image {what} of {n} does not fit; the nearest that "
                f"{'fits' if len(near) == 1 else 'fit'}: {' and '.join(map(str, near))}; "
                "resize or pad the images"
            )
    raise InvalidNetworkError(infer_sizes(lgraph, "network").errors)
