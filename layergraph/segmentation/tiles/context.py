"""What the result at a pixel depends on, which decides how tiles must overlap."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor, lcm
from typing import Any, NamedTuple

from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.nearest_sizes import next_size
from layergraph.graph.receptive_field import PeriodicSpans, ReceptiveField, receptive_fields
from layergraph.graph.size_inference import infer_sizes, network_outputs
from layergraph.segmentation.tiles.grid import rounded_up
from layergraph.wording import times

_GRID = 64  # a multiple of the strides of most networks


class Context(NamedTuple):
    """The context of a pixel in each dimension, in pixels.

    Attributes:
        before: the pixels before it that its result depends on.
        after: those after it.
        stride: the results shift with the image by multiples of this number.
        whole_image_layer: a layer that looks at the whole image, by which tiles differ from it; or "".
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    stride: tuple[int, ...]
    whole_image_layer: str = ""


def network_context(lgraph: LayerGraph) -> Context | None:
    """The context of each pixel in a network that scores every pixel; None if it is unknown.

    It is unknown downstream of a torch module, which only a run explores, and where results do not shift
    with the image. A layer that averages the whole image is left out, and named.

    Raises:
        ArgumentError: a network that does not score each pixel of its one image.

    >>> from layergraph.builders import unet_layers
    >>> network_context(unet_layers((32, 32, 1), 2, encoder_depth=2))
    Context(before=(23, 23), after=(23, 23), stride=(4, 4), whole_image_layer='')
    """
    outputs = network_outputs(lgraph)
    if len(lgraph.input_names) != 1 or len(outputs) != 1:
        raise ArgumentError(
            f"Tiles: net must have one input and one output, got {len(lgraph.input_names)} and {len(outputs)}"
        )
    (name,), (output,) = lgraph.input_names, outputs
    layer: Any = lgraph[name]
    spatial = tuple(layer.input_size[:-1])
    # at multiples of its stride, the results of a network shift with the image; at other sizes resizing by
    # odd ratios hides that
    even = next_size(lgraph, tuple(rounded_up(n, _GRID) for n in spatial)) or spatial
    sized = replace(layer, input_size=(*even, layer.input_size[-1]))
    sizes: Any = infer_sizes(lgraph, "network", {name: sized})
    scores = sizes.outputs[output][0].spatial
    if scores != even:
        raise ArgumentError(
            f"Tiles: net must score every pixel of its image, got scores of {times(scores)} for images of "
            f"{times(even)}"
        )
    fields = receptive_fields(lgraph.replace_layer(name, sized), sizes.inputs)
    if fields[output] is None:
        return None
    upstream = lgraph.upstream([output])
    dimensions = []
    for axis, field in enumerate(fields[output] or ()):
        strides = [
            Fraction(rule.step).numerator
            for one in upstream
            for rule in _rules(fields[one], axis)
            if rule.step
        ]
        reach = _reach(field)
        if reach is None:
            return None
        dimensions.append((*reach, lcm(*strides)))
    before, after, stride = zip(*dimensions, strict=True)
    is_whole = any(not r.step for axis in range(len(even)) for r in _rules(fields[output], axis))
    return Context(before, after, stride, _first_pixel(lgraph, upstream, sizes) if is_whole else "")


def _first_pixel(lgraph: LayerGraph, upstream: Set[str], sizes: Any) -> str:
    """The first layer whose result is one pixel, which is repeated over the image."""
    return next(one for one in lgraph.order if one in upstream and set(sizes.outputs[one][0].spatial) <= {1})


def _rules(fields: Sequence[ReceptiveField] | None, axis: int) -> Sequence[PeriodicSpans]:
    # a vector has no spatial dimension
    return fields[axis].rules if fields is not None and axis < len(fields) else ()


def _reach(field: ReceptiveField) -> tuple[int, int] | None:
    """The farthest positions before and after an output that it reads; None if they move away from it."""
    before = after = 0
    for rule in field.rules:
        if not rule.step:  # the whole image
            continue
        if rule.slope != 1:
            return None
        for output, span in enumerate(rule.spans):
            if span is not None:
                before = max(before, ceil(output - span[0]))
                after = max(after, -floor(output - span[1]))
    return before, after


def check_tile(lgraph: LayerGraph, tile: tuple[int, ...]) -> None:
    """Raise ArgumentError if a network does not take images of this size."""
    if (fitting := next_size(lgraph, tile)) != tile:
        advice = f"; use {times(fitting)}" if fitting else ""
        raise ArgumentError(f"Tiles: tile_size must be a size that net takes, got {times(tile)}{advice}")
