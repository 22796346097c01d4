"""Cures of sizes that do not fit: the layer that is to blame, a crop or padding, another image size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit
from layergraph.analyze.checks.image_size_fixes import fitting_sizes
from layergraph.errors import LayergraphError
from layergraph.graph.draft import End
from layergraph.graph.size_inference import InferredSizes
from layergraph.issues import Issue
from layergraph.layers import (
    LAYER_TYPES,
    Crop2dLayer,
    Crop3dLayer,
    Pad2dLayer,
)
from layergraph.layers.layer import Layer
from layergraph.layers.transposed import TransposedConvolution
from layergraph.sizes import Size
from layergraph.wording import times

_NEAR = 6  # layers before a fault that are asked whether they are to blame
_STRIDES = (2, 1, 4, 3, 8)


def fix_spatial(checked: CheckedGraph, issue: Issue) -> Issue:
    """Heights and widths that do not fit where branches meet."""
    layer, sizes = checked.lgraph[issue.layer], checked.inferred_sizes.inputs[issue.layer]
    if len(sizes) < 2 or None in sizes:
        return issue
    if layer.input_names == ("in", "ref"):
        return _swap_inputs(checked, issue)
    if _is_regular(checked):  # the network is made for such images, so that a layer is to blame
        blamed = _fix_one_layer(checked, issue)
        if blamed is not None:
            return blamed
    images = fitting_sizes(checked, issue)
    if not images and (blamed := _fix_one_layer(checked, issue)) is not None:
        return blamed
    notes = []
    edit = _crop_or_pad(checked, layer, [size for size in sizes if size is not None])
    if edit is not None:
        padded = "import Pad2dLayer" in edit.text
        notes.append(
            "pad the smaller (Pad2dLayer)" if padded else f"crop the larger (Crop{_rank(sizes)}dLayer)"
        )
    if images:
        shown = " or ".join(times(size[:-1]) for size in images)
        notes.append(f"images of {shown} need none" if notes else f"use images of {shown}")
    if not notes:
        return issue
    return replace(issue, advice="; ".join(notes), edit=edit.text if edit is not None else "")


def _swap_inputs(checked: CheckedGraph, issue: Issue) -> Issue:
    """A crop or padding, with its inputs in the other order if that fits."""
    fed, edit, name = checked.lgraph.sources(issue.layer), Edit(checked.lgraph), issue.layer
    before, reference = (checked.lgraph.output_text(fed[port]) for port in ("in", "ref"))
    edit.disconnect(before, f"{name}/in").disconnect(reference, f"{name}/ref")
    edit.connect(reference, f"{name}/in").connect(before, f"{name}/ref")
    return replace(issue, edit=edit.text) if is_fixed(checked.infer_sizes_of(edit.lgraph), issue) else issue


def _rank(sizes: Sequence[Size | None]) -> int:
    return len(sizes[0].spatial) if sizes[0] is not None else 2


def _is_regular(checked: CheckedGraph) -> bool:
    """Whether the strides up to every layer divide the size of the image."""
    images, lgraph = checked.image_size(), checked.lgraph
    steps: dict[str, list[int]] = {}
    for name in lgraph.order if images else ():
        assert images is not None
        layer: Any = lgraph[name]
        fed = [steps[end.layer] for end in lgraph.sources(name).values()]
        here = max(fed, key=prod, default=[1] * (len(images) - 1))
        stride = getattr(layer, "stride", None)
        if isinstance(stride, tuple) and len(stride) == len(here):
            if isinstance(layer, TransposedConvolution):
                here = [max(step // s, 1) for step, s in zip(here, stride, strict=True)]
            else:
                here = [step * s for step, s in zip(here, stride, strict=True)]
        if any(n % step for n, step in zip(images, here, strict=False)):
            return False
        steps[name] = here
    return True


def _fix_one_layer(checked: CheckedGraph, issue: Issue) -> Issue | None:
    """The finding with the one change of a layer before that leaves the fewest faults."""
    best: tuple[int, Layer, str, Any, Edit] | None = None
    for layer in _scaling_layers_upstream(checked, issue.layer):
        for argument, value in _candidate_changes(layer):
            edit = Edit(checked.lgraph)
            try:
                edit.change([layer.name], **{argument: value})
            except LayergraphError:
                continue
            sizes = checked.infer_sizes_of(edit.lgraph)
            if sizes is None:
                break
            faults = len(sizes.errors)
            if issue.layer not in sizes.faulty and faults < (
                best[0] if best else len(checked.inferred_sizes.errors)
            ):
                best = (faults, layer, argument, value, edit)
        if best and not best[0]:
            break
    if best is None:
        return None
    _, layer, argument, value, edit = best
    had, new = _value_text(getattr(layer, argument)), _value_text(value)
    advice = f"{layer.name!r} has {argument} {had}: with {new} the sizes fit"
    return replace(issue, advice=advice, edit=edit.text, others=(layer.name,))


def _value_text(value: Any) -> str:
    if isinstance(value, tuple) and len(set(value)) == 1:
        return repr(value[0])
    return repr(value)


def _scaling_layers_upstream(checked: CheckedGraph, name: str) -> Iterator[Layer]:
    """The layers that scale, on the ways to a fault, the nearest first and each once."""
    ways = [End(name, port) for port in checked.lgraph[name].input_names]
    seen = {name}
    for _ in range(8 * _NEAR):
        nearer = []
        for end in ways:
            source = checked.lgraph.sources(end.layer).get(end.port)
            if source is None or source.layer in seen:
                continue
            seen.add(source.layer)
            layer = checked.lgraph[source.layer]
            if any(hasattr(layer, argument) for argument in ("stride", "padding", "cropping")):
                yield layer
            nearer += [End(source.layer, port) for port in layer.input_names]
        ways = nearer


def _candidate_changes(layer: Any) -> Iterator[tuple[str, Any]]:
    """Other arguments that change heights and widths alone."""
    for argument in ("padding", "cropping"):
        if getattr(layer, argument, "same") != "same":
            yield argument, "same"
    stride = getattr(layer, "stride", None)
    if isinstance(stride, tuple):
        for number in _STRIDES:
            if set(stride) != {number}:
                yield "stride", (number,) * len(stride)


def _crop_or_pad(checked: CheckedGraph, layer: Layer, sizes: Sequence[Size]) -> Edit | None:
    """The crop or padding that brings all inputs to one height and width and leaves fewer faults."""
    rank = len(sizes[0].spatial)
    fed = checked.lgraph.sources(layer.name)
    tries: list[tuple[int, int, Edit]] = []
    for kind, best in ((Crop2dLayer if rank == 2 else Crop3dLayer, min), (Pad2dLayer, max)):
        if rank not in (2, 3) or (kind is Pad2dLayer and rank != 2):
            continue
        wanted = tuple(map(best, zip(*(size.spatial for size in sizes), strict=True)))
        reference = next((i for i, size in enumerate(sizes) if size.spatial == wanted), None)
        if reference is None:
            continue
        edit = Edit(checked.lgraph)
        ports = layer.input_names
        for index, size in enumerate(sizes):
            if size.spatial == wanted:
                continue
            name = edit.free_name(f"{layer.name}_{'pad' if kind is Pad2dLayer else 'crop'}")
            edit.insert(kind(name=name), End(layer.name, ports[index]), fed[ports[reference]])
        found = checked.infer_sizes_of(edit.lgraph)
        if found is not None and layer.name not in found.faulty:
            tries.append((len(found.errors), len(tries), edit))
    return min(tries)[-1] if tries else None


def fix_window(checked: CheckedGraph, issue: Issue) -> Issue:
    """A window larger than its input: larger images, or padding."""
    layer: Any = checked.lgraph[issue.layer]
    images = fitting_sizes(checked, issue)
    edit = Edit(checked.lgraph)
    old = checked.image_size()
    if images and old and prod(images[0][:-1]) <= 64 * prod(old[:-1]):
        others = "a smaller window, or more padding" if hasattr(layer, "window") else "or a larger scale"
        if set(getattr(layer, "dilation_factor", (1,))) != {1}:
            others = f"a smaller dilation factor, {others}"
        advice = f"use images of at least {times(images[0][:-1])}, {others}"
        return replace(issue, advice=advice, edit=edit.resize(images[0]).text)
    if getattr(layer, "padding", "same") != "same":
        edit.change([layer.name], padding="same")
        if (sizes := checked.infer_sizes_of(edit.lgraph)) and layer.name not in sizes.faulty:
            return replace(issue, advice="padding='same' keeps the size", edit=edit.text)
    return issue


def fix_cropping(checked: CheckedGraph, issue: Issue) -> Issue:
    """A transposed convolution that crops all away."""
    edit = Edit(checked.lgraph).change([issue.layer], cropping="same")
    advice = f"{issue.advice}; cropping='same' gives stride times the input"
    return replace(issue, advice=advice, edit=edit.text)


def fix_dimensions(checked: CheckedGraph, issue: Issue) -> Issue:
    """A layer of the other number of dimensions."""
    if issue.advice:
        return issue
    sizes = [size for size in checked.inferred_sizes.inputs[issue.layer] if size is not None]
    name = type(checked.lgraph[issue.layer]).__name__
    other = name.replace("3d", "2d") if sizes and len(sizes[0].spatial) == 2 else name.replace("2d", "3d")
    if other != name and other in LAYER_TYPES:
        return replace(issue, advice=f"use a {other}")
    return issue


def is_fixed(sizes: InferredSizes | None, issue: Issue) -> bool:
    """Whether the layer of a fault takes its inputs now."""
    return sizes is not None and issue.layer not in sizes.faulty
