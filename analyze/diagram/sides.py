"""Which layers stand on the way down and which on the way up, where a network goes down and comes back.

Down on the left stands what leads to the first doubling, up on the right what comes of it, and between
them what leads across. All of this comes from sizes and connections, nothing from names.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Literal

from layergraph.analyze.kinds import Kind, kind_of
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes
from layergraph.layers import Crop2dLayer, Crop3dLayer, Pad2dLayer
from layergraph.sizes import Size

Side = Literal["down", "across", "up"]

# what enlarges an image by computing; padding and cropping only move its border
_RAISING: frozenset[Kind] = frozenset({"transposed convolution", "unpooling", "resizing", "module", "other"})
_BORDERS = (Crop2dLayer, Crop3dLayer, Pad2dLayer)


def changes_of(lgraph: LayerGraph, sizes: InferredSizes) -> dict[str, int]:
    """What each layer does to the resolution: -1 lowers it, 1 raises it, 0 keeps it."""
    return {name: _change(lgraph, sizes, name) for name in lgraph}


def _change(lgraph: LayerGraph, sizes: InferredSizes, name: str) -> int:
    layer = lgraph[name]
    kind = kind_of(layer)
    if kind in ("input", "joining", "output") or isinstance(layer, _BORDERS):
        return 0
    before, after = sizes.inputs[name][0], sizes.outputs[name][0]
    if before is None or after is None:
        # beyond an error sizes are unknown, and the drawing keeps the form that it had
        by_kind: dict[Kind, int] = {"pooling": -1, "transposed convolution": 1, "unpooling": 1}
        return by_kind.get(kind, 0)
    ratio = _area(after) / _area(before)
    if kind in _RAISING and ratio > 1.5 and _area(before) > 1:  # one number all over the image is no image
        return 1
    return -1 if ratio < 0.6 else 0


def _area(size: Size) -> int:
    return prod(size.spatial)


def sides_of(lgraph: LayerGraph, sizes: InferredSizes, changes: Mapping[str, int]) -> dict[str, Side]:
    """The side of the U on which each layer stands; all are on the way down if the network is no U."""
    up: set[str] = set()
    bottom: list[str] = []  # what the way up starts from
    for name in lgraph.order:
        fed = {port: end.layer for port, end in lgraph.sources(name).items() if port != "ref"}
        follows = any(source in up for source in fed.values())
        if changes[name] == 1 or follows:
            up.add(name)
            first = fed.get(lgraph[name].input_names[0])
            if changes[name] == 1 and first is not None and first not in up:
                bottom.append(first)
        after = sizes.outputs[name][0]
        if follows and changes[name] == -1 and (after is None or _area(after) > 1):
            up.clear()  # it goes down a second time
            break
    down = lgraph.upstream(bottom, ignoring=("ref",))
    if not up or not any(changes[name] == -1 for name in down):
        return dict.fromkeys(lgraph, "down")
    sides: dict[str, Side] = {
        name: "up" if name in up else "down" if name in down else "across" for name in lgraph
    }
    # a single step up that nothing leads to across is the end of a column
    steps = sum(changes[name] == 1 for name in up)
    return sides if steps > 1 or _leads_across(lgraph, sides, changes) else dict.fromkeys(lgraph, "down")


def passes(
    lgraph: LayerGraph, sides: Mapping[str, Side], changes: Mapping[str, int], name: str, port: str
) -> bool:
    """Whether what comes in at this port comes from another side, and is not the step up itself."""
    source = lgraph.sources(name)[port].layer
    return sides[name] != sides[source] and not (changes[name] == 1 and port == lgraph[name].input_names[0])


def _leads_across(lgraph: LayerGraph, sides: Mapping[str, Side], changes: Mapping[str, int]) -> bool:
    return any(
        port != "ref" and passes(lgraph, sides, changes, name, port)
        for name in lgraph
        for port in lgraph.sources(name)
    )
