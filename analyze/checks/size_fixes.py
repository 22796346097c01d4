"""Fixes for sizes that do not fit.

Where branches of unequal height or width meet, the joining layer reports the fault, but it is rarely the
cause. Either a layer upstream has a wrong argument, or the image has a size that the strides do not divide.
Testing both for every fault would find some edit that runs, but often one that no user wants.
"""

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

_MOST_LEVELS = 48  # connections between a fault and the layers upstream that are changed
_STRIDES = (2, 1, 4, 3, 8)  # the most frequent first
_MOST_PIXELS = 64  # a fix enlarges the image at most by this factor


def fix_spatial(checked: CheckedGraph, issue: Issue) -> Issue:
    """Heights and widths that do not fit where branches meet."""
    layer, sizes = checked.lgraph[issue.layer], checked.inferred_sizes.inputs[issue.layer]
    known = [size for size in sizes if size is not None]
    if len(sizes) < 2 or len(known) < len(sizes):
        return issue
    if layer.input_names == ("in", "ref"):
        return _swap_inputs(checked, issue)
    # 1. If the strides divide the image, the network is made for such images: an argument upstream is wrong.
    if _divides_evenly(checked) and (fixed := _change_one_argument(checked, issue)) is not None:
        return fixed
    # 2. If no image size near has no faults either, an argument is wrong after all.
    images = fitting_sizes(checked, issue)
    if not images and (fixed := _change_one_argument(checked, issue)) is not None:
        return fixed
    # 3. Otherwise the image size is the cause. Another size needs no layer, but a crop serves all sizes.
    advice, edit = _crop_or_pad(checked, layer, known)
    if images:
        choices = " or ".join(times(size[:-1]) for size in images)
        advice += f"; images of {choices} need none" if advice else f"use images of {choices}"
    return replace(issue, advice=advice, edit=edit) if advice else issue


def _swap_inputs(checked: CheckedGraph, issue: Issue) -> Issue:
    """A crop or padding, with its inputs exchanged if that fits."""
    fed, edit, name = checked.lgraph.sources(issue.layer), Edit(checked.lgraph), issue.layer
    source, reference = (checked.lgraph.output_text(fed[port]) for port in ("in", "ref"))
    edit.disconnect(source, f"{name}/in").disconnect(reference, f"{name}/ref")
    edit.connect(reference, f"{name}/in").connect(source, f"{name}/ref")
    return replace(issue, edit=edit.text) if is_fixed(checked.infer_sizes_of(edit.lgraph), issue) else issue


def _divides_evenly(checked: CheckedGraph) -> bool:
    """Whether the strides up to every layer divide the size of the image."""
    images, lgraph = checked.image_size(), checked.lgraph
    steps: dict[str, list[int]] = {}
    for name in lgraph.order if images else ():
        assert images is not None
        layer: Any = lgraph[name]
        fed = [steps[end.layer] for end in lgraph.sources(name).values()]
        # branches that meet have the same step, unless one of them is at fault
        step = max(fed, key=prod, default=[1] * (len(images) - 1))
        stride = getattr(layer, "stride", None)
        if isinstance(stride, tuple) and len(stride) == len(step):
            if isinstance(layer, TransposedConvolution):
                step = [max(old // s, 1) for old, s in zip(step, stride, strict=True)]
            else:
                step = [old * s for old, s in zip(step, stride, strict=True)]
        if any(n % one for n, one in zip(images, step, strict=False)):
            return False
        steps[name] = step
    return True


def _change_one_argument(checked: CheckedGraph, issue: Issue) -> Issue | None:
    """The finding with the change of one argument upstream that leaves the fewest faults."""
    fewest = len(checked.inferred_sizes.errors)
    best: tuple[Layer, str, Any, Edit] | None = None
    for layer in _scaling_layers_upstream(checked, issue.layer):
        for argument, value in _candidate_changes(layer):
            edit = Edit(checked.lgraph).change([layer.name], **{argument: value})
            try:
                sizes = checked.infer_sizes_of(edit.lgraph)
            except LayergraphError:  # a layer may not take the value
                continue
            if sizes is None:
                break
            # a branch shrunk to 1×1 fits any other, which no user wants
            spatials = {size.spatial for size in sizes.inputs[issue.layer] if size is not None}
            # the fault may only move downstream, so all faults count
            if len(spatials) == 1 and issue.layer not in sizes.faulty and len(sizes.errors) < fewest:
                fewest = len(sizes.errors)
                best = (layer, argument, value, edit)
        if best and not fewest:
            break
    if best is None:
        return None
    layer, argument, value, edit = best
    old, new = _value_text(getattr(layer, argument)), _value_text(value)
    advice = f"change {argument} of {layer.name!r} from {old} to {new}"
    return replace(issue, advice=advice, edit=edit.text, others=(layer.name,))


def _value_text(value: Any) -> str:
    if isinstance(value, tuple) and len(set(value)) == 1:
        return repr(value[0])
    return repr(value)


def _scaling_layers_upstream(checked: CheckedGraph, name: str) -> Iterator[Layer]:
    """The layers upstream that may change height and width, the nearest first, each once.

    A search in breadth: in depth, the first branch would use up the budget before the second has its turn.
    """
    ends = [End(name, port) for port in checked.lgraph[name].input_names]
    seen = {name}
    for _ in range(_MOST_LEVELS):
        next_ends = []
        for end in ends:
            source = checked.lgraph.sources(end.layer).get(end.port)
            if source is None or source.layer in seen:
                continue
            seen.add(source.layer)
            layer = checked.lgraph[source.layer]
            if any(hasattr(layer, argument) for argument in ("stride", "padding", "cropping")):
                yield layer
            next_ends += [End(source.layer, port) for port in layer.input_names]
        ends = next_ends


def _candidate_changes(layer: Any) -> Iterator[tuple[str, Any]]:
    """Other values of arguments that change height and width alone."""
    for argument in ("padding", "cropping"):
        if getattr(layer, argument, "same") != "same":
            yield argument, "same"
    stride = getattr(layer, "stride", None)
    if isinstance(stride, tuple):
        for number in _STRIDES:
            if set(stride) != {number}:
                yield "stride", (number,) * len(stride)


def _crop_or_pad(checked: CheckedGraph, layer: Layer, sizes: Sequence[Size]) -> tuple[str, str]:
    """Advice and edit that crop or pad all inputs to one height and width; empty if neither fits."""
    rank = len(sizes[0].spatial)
    fed, ports = checked.lgraph.sources(layer.name), layer.input_names
    crop = "crop", Crop2dLayer if rank == 2 else Crop3dLayer, min
    fixes: list[tuple[int, str, str]] = []
    for verb, kind, extreme in {2: (crop, ("pad", Pad2dLayer, max)), 3: (crop,)}.get(rank, ()):
        wanted = tuple(map(extreme, zip(*(size.spatial for size in sizes), strict=True)))
        # one input may be the higher and another the wider: then none has the common size
        reference = next((i for i, size in enumerate(sizes) if size.spatial == wanted), None)
        if reference is None:
            continue
        edit = Edit(checked.lgraph)
        for port, size in zip(ports, sizes, strict=True):
            if size.spatial != wanted:
                name = edit.free_name(f"{layer.name}_{verb}")
                edit.insert(kind(name=name), End(layer.name, port), fed[ports[reference]])
        inferred = checked.infer_sizes_of(edit.lgraph)
        if inferred is not None and layer.name not in inferred.faulty:
            larger = "larger" if verb == "crop" else "smaller"
            advice = f"{verb} the {larger} ({kind.__name__})"
            fixes.append((len(inferred.errors), advice, edit.text))
    return min(fixes)[1:] if fixes else ("", "")


def fix_window(checked: CheckedGraph, issue: Issue) -> Issue:
    """A window larger than its input: larger images, or padding."""
    layer: Any = checked.lgraph[issue.layer]
    images, old = fitting_sizes(checked, issue), checked.image_size()
    edit = Edit(checked.lgraph)
    if images and old and prod(images[0][:-1]) <= _MOST_PIXELS * prod(old[:-1]):
        others = "a smaller window, or more padding" if hasattr(layer, "window") else "or a larger scale"
        if set(getattr(layer, "dilation_factor", (1,))) != {1}:
            others = f"a smaller dilation factor, {others}"
        advice = f"use images of at least {times(images[0][:-1])}, {others}"
        edit.change(checked.lgraph.input_names, input_size=images[0])
        return replace(issue, advice=advice, edit=edit.text)
    if getattr(layer, "padding", "same") != "same":
        edit.change([layer.name], padding="same")
        if is_fixed(checked.infer_sizes_of(edit.lgraph), issue):
            return replace(issue, advice="set padding='same', which keeps the size", edit=edit.text)
    return issue


def fix_cropping(checked: CheckedGraph, issue: Issue) -> Issue:
    """A transposed convolution that crops away its whole output."""
    edit = Edit(checked.lgraph).change([issue.layer], cropping="same")
    advice = f"{issue.advice}, or set cropping='same', which gives stride times the input"
    return replace(issue, advice=advice, edit=edit.text)


def fix_dimensions(checked: CheckedGraph, issue: Issue) -> Issue:
    """A layer for another number of spatial dimensions."""
    if issue.advice:
        return issue
    sizes = [size for size in checked.inferred_sizes.inputs[issue.layer] if size is not None]
    name = type(checked.lgraph[issue.layer]).__name__
    other = name.replace("3d", "2d") if sizes and len(sizes[0].spatial) == 2 else name.replace("2d", "3d")
    if other != name and other in LAYER_TYPES:
        return replace(issue, advice=f"use a {other}")
    return issue


def is_fixed(sizes: InferredSizes | None, issue: Issue) -> bool:
    """Whether the layer of a fault takes its inputs with these sizes."""
    return sizes is not None and issue.layer not in sizes.faulty
