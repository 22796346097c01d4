"""Checks of arguments that only builders have; :mod:`layergraph.layers.arguments` has the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layergraph.edits.input_size import with_input_size
from layergraph.errors import ArgumentError, InvalidNetworkError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import infer_sizes
from layergraph.layers import arguments

MOST_LAYERS = 10_000  # of one argument; a hundred times the deepest published network
_SEARCH_RADIUS = 1024  # of the search for the nearest image size that fits


def poolings(builder: str, value: object) -> int:
    """A number of poolings, at most 30, which already need an image of a billion rows."""
    return arguments.whole(builder, "encoder_depth", value, 1, 30)


def layer_counts(builder: str, argument: str, value: int | Sequence[int], sections: int) -> tuple[int, ...]:
    """The number of layers per section, from one number or one per section."""
    counts = arguments.per_dimension(builder, argument, value, sections)
    if sum(counts) > MOST_LAYERS:
        raise ArgumentError(
            f"{builder}: {argument} must be at most {MOST_LAYERS:,} in all {sections} sections together, "
            f"got {sum(counts):,}"
        )
    return counts


def image_channels(builder: str, value: object, rank: int, default: int = 1) -> tuple[int, ...]:
    """The image size with its channels, by default ``default``."""
    size = arguments.image_numbers(builder, "image_size", value, rank)
    given: Any = value
    # ``image_numbers`` supplies one channel where none is given; the builder's default replaces it.
    return size if len(given) > rank else (*size[:-1], default)


def filter_window(builder: str, value: int | Sequence[int], rank: int) -> tuple[int, ...]:
    """The filter size, which must be odd so that padding can keep the size of the image."""
    window = arguments.per_dimension(builder, "filter_size", value, rank)
    if any(size % 2 == 0 for size in window):
        raise ArgumentError(f"{builder}: filter_size must be odd, got {value!r}; 3, 5 and 7 are usual")
    return window


def size_error(
    builder: str, fault: str, near: Sequence[int], fix: str = "resize or pad the images"
) -> ArgumentError:
    """The error for an image that does not fit, with the nearest sizes that do."""
    verb = "fits" if len(near) == 1 else "fit"
    numbers = " and ".join(map(str, near))
    return ArgumentError(f"{builder}: {fault}; the nearest that {verb}: {numbers}; {fix}")


def check_image_size(builder: str, lgraph: LayerGraph) -> LayerGraph:
    """The same graph, after a check that its layers accept the size of its image.

    Raises:
        ArgumentError: they do not; the message names the nearest sizes that they accept.
        InvalidNetworkError: they accept no size near it.
    """
    if not infer_sizes(lgraph, "network").errors:
        return lgraph
    layer: Any = lgraph[lgraph.input_names[0]]
    *size, channels = layer.input_size

    def fits(n: int) -> bool:
        square = with_input_size(lgraph, (*(n,) * len(size), channels))
        return not infer_sizes(square, "network").errors

    # The rule of the sizes that fit depends on the network: a minimum, or multiples of a number. So sizes are
    # tried one by one, on square images, because height and width fit independently of each other.
    for what, n in zip(("height", "width", "depth"), size, strict=False):
        if fits(n):
            continue
        below = next((m for m in range(n - 1, max(0, n - _SEARCH_RADIUS), -1) if fits(m)), None)
        above = next((m for m in range(n + 1, n + _SEARCH_RADIUS) if fits(m)), None)
        near = [m for m in (below, above) if m is not None]
        if near:
            raise size_error(builder, f"an image {what} of {n} does not fit", near)
    # No other size is known to fit, so the message reports the errors of the layers instead.
    raise InvalidNetworkError(infer_sizes(lgraph, "network").errors)
