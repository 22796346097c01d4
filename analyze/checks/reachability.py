"""The checks along paths: layers that no output needs, outputs with a small receptive field."""

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

_REFERENCE = "ref"  # an input of which only height and width count
_LEAST = 8  # the field of an output spans at least one eighth of the image


def dead_branches(checked: CheckedGraph) -> Iterator[Issue]:
    """Layers that are computed although outputs need at most their size."""
    lgraph = checked.lgraph
    if checked.inferred_sizes.errors:
        return  # a fault may cut a branch off from its output
    references = {
        source.layer
        for layer in checked.layers_with_input(_REFERENCE)
        if (source := lgraph.sources(layer.name).get(_REFERENCE)) and not lgraph[source.layer].is_input
    }
    if all(any(to.port != _REFERENCE for _, to in lgraph.destinations(name)) for name in references):
        return
    needed = lgraph.upstream({*network_outputs(lgraph), *lgraph.output_names}, ignoring=(_REFERENCE,))
    for end in [name for name in lgraph.order if name in references - needed]:
        branch = _only_for(checked, end, needed)
        others = tuple(name for name in branch if name != end)
        readers = [to.layer for _, to in lgraph.destinations(end)]
        size, edit = checked.inferred_sizes.outputs[end][0], ""
        earlier = lgraph.order[: min(checked.position[name] for name in readers)]
        same = next(
            (name for name in earlier if name in needed and size and _has_extent(checked, name, size)), ""
        )
        if same:
            without_branch = Edit(lgraph).remove(branch)
            for name in readers:
                without_branch.connect(same, f"{name}/{_REFERENCE}")
            edit = without_branch.text
        yield Issue(
            "LG-DEAD-BRANCH",
            "warning",
            end,
            "",
            f"no output needs the values of {listed(branch)}: {listed(readers)} "
            f"read{'s' if len(readers) == 1 else ''} height and width only",
            f"take them from {same!r}"
            if same
            else "connect it to the layer that should use it, or remove it",
            edit,
            others,
        )


def _only_for(checked: CheckedGraph, end: str, needed: set[str]) -> list[str]:
    """``end`` and the layers upstream of it that no output needs, in order."""
    branch, stack = {end}, [end]
    while stack:
        for source in checked.lgraph.sources(stack.pop()).values():
            if source.layer not in needed and source.layer not in branch:
                branch.add(source.layer)
                stack.append(source.layer)
    return sorted(branch, key=checked.position.__getitem__)


def _has_extent(checked: CheckedGraph, name: str, size: Any) -> bool:
    """Whether the only output of a layer has the height and width of ``size``."""
    sizes = checked.inferred_sizes.outputs[name]
    return len(sizes) == 1 and sizes[0] is not None and sizes[0].spatial == size.spatial


def narrow_fields(checked: CheckedGraph) -> Iterator[Issue]:
    """Outputs whose receptive field is too small a part of the image to recognize larger objects."""
    if checked.inferred_sizes.errors:
        return
    images = checked.image_size()
    for name in network_outputs(checked.lgraph) if images else ():
        assert images is not None
        if _has_wide_field(checked, name, images[:-1]):
            continue
        # exact fields take longer than all other checks, so that only a suspect is worth them
        from layergraph.graph.receptive_field import receptive_fields

        inputs = cast("Mapping[str, Sequence[Size]]", checked.inferred_sizes.inputs)
        fields = receptive_fields(checked.lgraph, inputs)[name]
        if fields is None or len(fields) != len(images) - 1:
            continue
        extents = tuple(field.size for field in fields)
        if any(_LEAST * part < whole for part, whole in zip(extents, images, strict=False)):
            yield Issue(
                "LG-RECEPTIVE-FIELD",
                "note",
                name,
                "",
                f"each pixel of the result depends on {times(extents)} pixels of the {times(images[:-1])} "
                "image, too few to recognize a larger object",
                "use more downsampling, dilated convolutions, or smaller images",
            )


def _has_wide_field(checked: CheckedGraph, name: str, image: tuple[int, ...]) -> bool:
    """Whether the windows on some path to the input already make the field wide enough.

    An estimate: each window widens the field by its extent, scaled from the feature map to the image.
    """
    lgraph = checked.lgraph

    def widen(name: str, field: list[float]) -> list[float]:
        layer: Any = lgraph[name]
        if isinstance(layer, (FullyConnectedLayer, GlobalAveragePooling2dLayer)):
            return [*map(float, image)]
        size = checked.inferred_sizes.inputs[name][0] if hasattr(layer, "window") else None
        if size is None or len(size.spatial) != len(image):
            return field
        extents = layer.window().extents
        return [
            part + (extent - 1) * whole / n
            for part, extent, whole, n in zip(field, extents, image, size.spatial, strict=True)
        ]

    def is_wide(field: list[float]) -> bool:
        return all(_LEAST * part >= whole for part, whole in zip(field, image, strict=True))

    # 1. Upstream along first inputs: for nearly all networks the last layers suffice.
    field = [1.0] * len(image)
    for layer in checked.chain_upstream(name, lambda _: True):
        field = widen(layer.name, field)
        if is_wide(field):
            return True
    # 2. Otherwise along the widest path, which needs all layers.
    fields: dict[str, list[float]] = {}
    for one in lgraph.order:
        fed = [fields[end.layer] for end in lgraph.sources(one).values()]
        fields[one] = widen(one, max(fed, key=sum, default=[1.0] * len(image)))
        if one == name:
            break
    return is_wide(fields[name])
