"""Find the two sides of a U: the layers of the contracting path and those of the expanding path.

Sizes and connections decide, and never names. The phases:

1. The expanding path starts at the layers that enlarge the image, and contains all layers downstream of them.
   Sizes alone do not decide: the layers of a decoder have sizes that occur in the encoder, too.
2. The contracting path contains all layers upstream of those that feed the first enlargements.
3. The other layers, such as the crops of a U-Net with valid convolutions, lead across.

A network is drawn as a U only if it contracts before it expands, does not contract again, and has more than
one step up or a connection across. Otherwise all layers are on the side ``"down"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Literal

from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes
from layergraph.layers import Crop2dLayer, Crop3dLayer, Pad2dLayer
from layergraph.layers.layer import Kind
from layergraph.sizes import Size

Side = Literal["down", "across", "up"]

# layers that can compute a larger image; padding and cropping only move its border
_UPSAMPLING: frozenset[Kind] = frozenset(
    {"transposed convolution", "unpooling", "resizing", "module", "other"}
)
_BORDERS = (Crop2dLayer, Crop3dLayer, Pad2dLayer)


def resolution_changes(lgraph: LayerGraph, sizes: InferredSizes) -> dict[str, int]:
    """The effect of each layer on the resolution: -1 lowers it, 1 raises it, 0 keeps it."""
    return {name: _resolution_change(lgraph, sizes, name) for name in lgraph}


def _resolution_change(lgraph: LayerGraph, sizes: InferredSizes, name: str) -> int:
    layer = lgraph[name]
    kind = layer.kind
    if kind in ("input", "joining", "output") or isinstance(layer, _BORDERS):
        return 0
    before, after = sizes.inputs[name][0], sizes.outputs[name][0]
    if before is None or after is None:
        # downstream of an error sizes are unknown; the kind keeps the drawing in the form that it had
        by_kind: dict[Kind, int] = {"pooling": -1, "transposed convolution": 1, "unpooling": 1}
        return by_kind.get(kind, 0)
    # the bounds leave room for valid convolutions, which take a few pixels off the border
    ratio = _area(after) / _area(before)
    if kind in _UPSAMPLING and ratio > 1.5 and _area(before) > 1:  # a globally pooled value has no resolution
        return 1
    return -1 if ratio < 0.6 else 0


def _area(size: Size) -> int:
    return prod(size.spatial)


def find_sides(lgraph: LayerGraph, sizes: InferredSizes, changes: Mapping[str, int]) -> dict[str, Side]:
    """The side of the U that each layer is on; all are on the side ``"down"`` if the network is no U."""
    # 1. the expanding path
    up: set[str] = set()
    bottom: list[str] = []  # the layers that feed the first enlargements
    for name in lgraph.order:
        sources = {port: end.layer for port, end in lgraph.sources(name).items() if port != "ref"}
        is_downstream = any(source in up for source in sources.values())
        if changes[name] == 1 or is_downstream:
            up.add(name)
            main_source = sources.get(lgraph[name].input_names[0])
            if changes[name] == 1 and main_source is not None and main_source not in up:
                bottom.append(main_source)
        after = sizes.outputs[name][0]
        if is_downstream and changes[name] == -1 and (after is None or _area(after) > 1):
            up.clear()  # the network contracts a second time
            break
    # 2. the contracting path
    down = lgraph.upstream(bottom, ignoring=("ref",))
    if not up or not any(changes[name] == -1 for name in down):
        return dict.fromkeys(lgraph, "down")
    # 3. the layers across
    sides: dict[str, Side] = {
        name: "up" if name in up else "down" if name in down else "across" for name in lgraph
    }
    # a single step up without a connection across, as in FCN-32s, is the end of a column
    steps = sum(changes[name] == 1 for name in up)
    return (
        sides
        if steps > 1 or _has_connection_across(lgraph, sides, changes)
        else dict.fromkeys(lgraph, "down")
    )


def crosses(
    lgraph: LayerGraph, sides: Mapping[str, Side], changes: Mapping[str, int], name: str, port: str
) -> bool:
    """Whether the connection to this port comes from another side, and is not the step up itself."""
    source = lgraph.sources(name)[port].layer
    return sides[name] != sides[source] and not (changes[name] == 1 and port == lgraph[name].input_names[0])


def _has_connection_across(lgraph: LayerGraph, sides: Mapping[str, Side], changes: Mapping[str, int]) -> bool:
    return any(
        port != "ref" and crosses(lgraph, sides, changes, name, port)
        for name in lgraph
        for port in lgraph.sources(name)
    )
