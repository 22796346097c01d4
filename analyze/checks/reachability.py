"""What reaches what: layers that no output needs, outputs that see too little of the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit
from layergraph.graph.size_inference import network_outputs
from layergraph.issues import Issue
from layergraph.layers import FullyConnectedLayer, GlobalAveragePooling2dLayer
from layergraph.sizes import Size
from layergraph.wording import listed, times

_REFERENCE = "ref"  # a port that is asked for its height and width alone
_SEEN = 8  # an output sees at least this part of the image: one eighth


def dead_branches(checked: CheckedGraph) -> Iterator[Issue]:
    """Layers that are computed though no output needs their numbers, but at most their size."""
    lgraph = checked.lgraph
    if checked.inferred_sizes.errors:
        return  # some of which are about such branches
    asked = {
        source.layer
        for layer in checked.layers_with_input(_REFERENCE)
        if (source := lgraph.sources(layer.name).get(_REFERENCE)) and not lgraph[source.layer].is_input
    }
    if all(any(to.port != _REFERENCE for _, to in lgraph.destinations(name)) for name in asked):
        return
    needed = lgraph.upstream({*network_outputs(lgraph), *lgraph.output_names}, ignoring=(_REFERENCE,))
    for end in [name for name in lgraph.order if name in asked - needed]:
        branch = _only_for(checked, end, needed)
        others = tuple(name for name in branch if name != end)
        measured = [to.layer for _, to in lgraph.destinations(end)]
        size, edit = checked.inferred_sizes.outputs[end][0], ""
        earlier = lgraph.order[: min(checked.position[name] for name in measured)]
        same = next((name for name in earlier if name in needed and size and _like(checked, name, size)), "")
        if same:
            # what has the same height and width serves as well
            mending = Edit(lgraph).remove(branch)
            for name in measured:
                mending.connect(same, f"{name}/{_REFERENCE}")
            edit = mending.text
        yield Issue(
            "LG-DEAD-BRANCH",
            "warning",
            end,
            "",
            f"no output needs what {listed(branch)} compute{'s' if len(branch) == 1 else ''}: "
            f"{listed(measured)} take{'s' if len(measured) == 1 else ''} the height and width alone",
            f"take them from {same!r}" if same else "connect it to what should use it, or remove it",
            edit,
            others,
        )


def _only_for(checked: CheckedGraph, end: str, needed: set[str]) -> list[str]:
    """The layers before ``end``, itself included, that no output needs, in order."""
    found, stack = {end}, [end]
    while stack:
        for source in checked.lgraph.sources(stack.pop()).values():
            if source.layer not in needed and source.layer not in found:
                found.add(source.layer)
                stack.append(source.layer)
    return sorted(found, key=checked.position.__getitem__)


def _like(checked: CheckedGraph, name: str, size: Any) -> bool:
    given = checked.inferred_sizes.outputs[name]
    return len(given) == 1 and given[0] is not None and given[0].spatial == size.spatial


def narrow_fields(checked: CheckedGraph) -> Iterator[Issue]:
    """Outputs that see only a small part of the image, too little to tell larger objects apart."""
    if checked.inferred_sizes.errors:
        return
    images = checked.image_size()
    for name in network_outputs(checked.lgraph) if images else ():
        assert images is not None
        if _sees_enough(checked, name, images[:-1]):
            continue
        # exact, and only for the rare graphs that may be concerned
        from layergraph.analyze.costs.receptive_field import receptive_fields

        inputs = cast("Mapping[str, Sequence[Size]]", checked.inferred_sizes.inputs)
        fields = receptive_fields(checked.lgraph, inputs)[name]
        if fields is None or len(fields) != len(images) - 1:
            continue
        seen = tuple(field.size for field in fields)
        if any(_SEEN * part < whole for part, whole in zip(seen, images, strict=False)):
            yield Issue(
                "LG-RECEPTIVE-FIELD",
                "note",
                name,
                "",
                f"each pixel of the result depends on {times(seen)} pixels of the {times(images[:-1])} "
                "image: what tells a larger object from its surroundings is not seen",
                "use more downsampling, dilated convolutions, or smaller images",
            )


def _sees_enough(checked: CheckedGraph, name: str, image: tuple[int, ...]) -> bool:
    """Whether the windows on some way to the input already make the field large enough."""
    layers = checked.lgraph
    seen: dict[str, list[float]] = {}

    def widened(name: str, before: list[float]) -> list[float]:
        layer: Any = layers[name]
        if isinstance(layer, (FullyConnectedLayer, GlobalAveragePooling2dLayer)):
            return [*map(float, image)]
        size = checked.inferred_sizes.inputs[name][0] if hasattr(layer, "window") else None
        if size is None or len(size.spatial) != len(image):
            return before
        extents = layer.window().extents
        return [
            part + (extent - 1) * whole / n
            for part, extent, whole, n in zip(before, extents, image, size.spatial, strict=True)
        ]

    def enough(parts: list[float]) -> bool:
        return all(_SEEN * part >= whole for part, whole in zip(parts, image, strict=True))

    # backwards along the first inputs: mostly a few layers are enough
    here = [1.0] * len(image)
    for before in checked.chain_upstream(name, lambda _: True):
        here = widened(before.name, here)
        if enough(here):
            return True
    for one in layers.order:
        fed = [seen[end.layer] for end in layers.sources(one).values()]
        widest = max(fed, key=sum, default=[1.0] * len(image))
        seen[one] = widened(one, widest)
        if one == name:
            break
    return enough(seen[name])
