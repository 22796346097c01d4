"""The nearest image sizes that a graph takes, for one that it does not take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from layergraph.graph.graph import Graph
from layergraph.graph.size_inference import InferredSizes, infer_sizes
from layergraph.issues import Issue
from layergraph.layers.layer import Layer
from layergraph.layers.module import ModuleLayer
from layergraph.sizes import Shape, Size
from layergraph.wording import times

_FARTHEST = 64  # rows between an image size and the others that are tried
_OF_SIZES = ("LG-CROPPING", "LG-SPATIAL", "LG-UNPOOLING", "LG-WINDOW")
_LARGEST = 4096  # the largest size that is tried for a window that is too large
_TRIES = 30_000  # layers whose sizes are computed in one search; some 0.15 s
_MODULE = 300  # a torch module, which runs without data, costs as much as this many layers


def nearest_sizes(spatial: Shape, code: str, fits: Callable[[int], bool]) -> list[Shape]:
    """The nearest smaller and larger sizes (height, width) that fit, if there are any.

    Height and width do not depend on each other, so each is searched alone, on square images: trying all
    pairs would cost the square of the tries.

    Args:
        spatial: (height, width), or (height, width, depth).
        code: the fault of ``spatial``. For a window that is too large, the answer is the smallest size that
            is large enough, which halving finds; other faults come and go with each row.
        fits: whether a square of ``n`` rows has no fault of sizes.

    >>> nearest_sizes((30, 32), "LG-SPATIAL", lambda n: n % 4 == 0)
    [(28, 32), (32, 32)]
    >>> nearest_sizes((30, 32), "LG-WINDOW", lambda n: n >= 31)
    [(31, 32)]
    """
    # height and width often meet the same numbers, and one answer costs a pass over the graph
    known: dict[int, bool] = {}

    def fits_once(n: int) -> bool:
        if n not in known:
            known[n] = fits(n)
        return known[n]

    if code == "LG-WINDOW":
        larger = [n for n in (_least(n, fits_once) for n in spatial) if n is not None]
        return [tuple(larger)] if len(larger) == len(spatial) else []
    near = min(_FARTHEST, max(spatial))
    # not below half the size: at a few rows any fault may vanish, where all is 1×1 and expanded
    below = [_first((n, *range(n - 1, max(n // 2, n - near), -1)), fits_once) for n in spatial]
    above = [_first(range(n, n + near + 1), fits_once) for n in spatial]
    nearest = []
    for sizes in (below, above):
        complete = tuple(n for n in sizes if n is not None)
        if len(complete) == len(spatial) and complete != tuple(spatial):
            nearest.append(complete)
    return nearest


def next_size(lgraph: Graph, spatial: Shape) -> Shape | None:
    """The smallest size, at least this one in each dimension, of images that a graph with one input takes.

    Returns None if the search finds none; it ends 64 rows above ``spatial``, or at the size of the input
    layer.

    >>> from layergraph.builders import unet_layers
    >>> next_size(unet_layers((32, 32, 1), 2, encoder_depth=2), (30, 33))
    (32, 36)
    """
    (name,) = lgraph.input_names
    if not misfit(lgraph, {name: spatial}):
        return spatial
    own = _own(lgraph)[name]
    # the other dimensions keep a size that fits while one is searched
    found = [
        _first(
            range(number, number + _FARTHEST + 1),
            partial(_fits, lgraph, name, own, axis),
        )
        for axis, number in enumerate(spatial)
    ]
    complete = tuple(n for n in found if n is not None)
    for candidate in (complete, own):
        is_larger = len(candidate) == len(spatial) and all(
            a >= b for a, b in zip(candidate, spatial, strict=True)
        )
        if is_larger and not misfit(lgraph, {name: candidate}):
            return candidate
    return None


def _fits(lgraph: Graph, name: str, own: Shape, axis: int, number: int) -> bool:
    spatial = (*own[:axis], number, *own[axis + 1 :])
    return has_no_fault_of_sizes(infer_sizes(lgraph, "network", _at(lgraph, {name: spatial})))


def has_no_fault_of_sizes(sizes: InferredSizes | None) -> bool:
    """Whether all heights and widths are known and fit."""
    return sizes is not None and not any(issue.code in _OF_SIZES for issue in sizes.errors)


def misfit(lgraph: Graph, sizes: Mapping[str, Shape], resize: Callable[[Shape], str] | None = None) -> str:
    """The reason why a graph that runs at its own image size does not take another, with sizes that fit.

    Args:
        lgraph: the graph.
        sizes: the (height, width) of the images for each input layer.
        resize: the advice to resize images to a size that fits; by default it names ``AtSize``.

    Returns:
        The first layer that cannot take its inputs, which a fully connected layer cannot if their number
        changes; and what to do. An empty text if the images fit.

    >>> from layergraph.builders import unet_layers
    >>> lgraph = unet_layers((32, 32, 1), 2, encoder_depth=2)
    >>> misfit(lgraph, {"ImageInputLayer": (30, 30)})  # doctest: +ELLIPSIS
    "images of 30×30 do not fit: at 'Decoder-Stage-1-DepthConcatenation' inputs of unequal ...
    """
    shown = " and ".join(times(spatial) for spatial in sizes.values())
    if not all(number > 0 for spatial in sizes.values() for number in spatial):
        return f"images of {shown} have no pixels"
    inferred = infer_sizes(lgraph, "network", _at(lgraph, sizes))
    if inferred.errors:
        issue = inferred.errors[0]
        where = f"at {issue.layer!r} " if issue.layer else ""
        advice = _fix(lgraph, sizes, issue, resize or _resized)
        return f"images of {shown} do not fit: {where}{issue.text}; {advice}"
    # sizes may fit everywhere and still change the number of weights of a fully connected layer
    own = infer_sizes(lgraph, "network")
    for name in lgraph.order:
        if _learnables(lgraph, name, inferred) != _learnables(lgraph, name, own):
            images = " and ".join(times(spatial) for spatial in _own(lgraph).values())
            return (
                f"images of {shown} do not fit: the weights of {name!r} are for images of {images}; "
                f"{_fix(lgraph, sizes, None, resize or _resized)}"
            )
    return ""


def _fix(
    lgraph: Graph, sizes: Mapping[str, Shape], issue: Issue | None, resize: Callable[[Shape], str]
) -> str:
    (name, spatial), *others = sizes.items()
    # bounded, because this runs while an error message is written: a user waits for it
    left = _TRIES
    cost = len(lgraph) + _MODULE * sum(isinstance(lgraph[layer], ModuleLayer) for layer in lgraph)

    def fits(n: int) -> bool:
        nonlocal left
        left -= cost
        return left >= 0 and has_no_fault_of_sizes(
            infer_sizes(lgraph, "network", _at(lgraph, {name: (n,) * len(spatial)}))
        )

    near = nearest_sizes(spatial, issue.code, fits) if issue and not others else []
    if issue and near:
        least = "at least " * (issue.code == "LG-WINDOW")
        return f"use images of {least}{' or '.join(map(times, near))}; {resize(near[-1])}"
    own = list(_own(lgraph).values())
    return resize(own[0]) if len(own) == 1 else f"give images of {' and '.join(map(times, own))}"


def _resized(size: Shape) -> str:
    if len(size) != 2:
        return f"resize them to {times(size)}"
    return f"AtSize(net, ({size[0]}, {size[1]})) resizes them, and the scores back"


def _at(lgraph: Graph, sizes: Mapping[str, Shape]) -> dict[str, Layer]:
    """The input layers, changed to images of these sizes."""
    layers: dict[str, Any] = {name: lgraph[name] for name in sizes}
    return {
        name: replace(layer, input_size=(*sizes[name], layer.input_size[-1]))
        for name, layer in layers.items()
    }


def _own(lgraph: Graph) -> dict[str, Shape]:
    layers: list[Any] = [lgraph[name] for name in lgraph.input_names]
    return {layer.name: tuple(layer.input_size[:-1]) for layer in layers}


def _learnables(lgraph: Graph, name: str, sizes: InferredSizes) -> dict[str, Shape]:
    inputs: list[Size] = [size for size in sizes.inputs[name] if size is not None]
    return lgraph[name].learnables(inputs)


def _first(numbers: Iterable[int], fits: Callable[[int], bool]) -> int | None:
    return next((n for n in numbers if fits(n)), None)


def _least(number: int, fits: Callable[[int], bool]) -> int | None:
    """The smallest number from here on that fits, if all larger ones fit too: doubling, then halving."""
    if fits(number):
        return number
    low, high = number, 2 * number
    while high <= _LARGEST and not fits(high):
        low, high = high, 2 * high
    if high > _LARGEST:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high
