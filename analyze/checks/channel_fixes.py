"""Fixes for numbers of channels and classes that do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit
from layergraph.analyze.checks.size_fixes import is_fixed
from layergraph.graph.draft import End
from layergraph.issues import Issue
from layergraph.layers import Convolution2dLayer, Convolution3dLayer, FullyConnectedLayer
from layergraph.layers.convolution import Convolution
from layergraph.layers.layer import Layer
from layergraph.layers.transposed import TransposedConvolution
from layergraph.sizes import Size


def fix_channels(checked: CheckedGraph, issue: Issue) -> Issue:
    """Channels that differ from the layer's own argument, or between branches that meet."""
    layer: Any = checked.lgraph[issue.layer]
    sizes = [size for size in checked.inferred_sizes.inputs[issue.layer] if size is not None]
    # "auto" rather than the number of channels: it stays right when the layers upstream change
    free = {
        argument: "auto"
        for argument in ("num_channels", "num_channels_per_group", "input_size")
        if getattr(layer, argument, "auto") != "auto"
    }
    if free and len(sizes) == 1:
        dropped: dict[str, Any] = {} if layer.weights is None else {"weights": None}
        edit = Edit(checked.lgraph).change([layer.name], **free, **dropped)
        return (
            replace(issue, edit=edit.text) if is_fixed(checked.infer_sizes_of(edit.lgraph), issue) else issue
        )
    if len(sizes) == 1 and isinstance(getattr(layer, "num_groups", None), int):
        divisors = [n for n in range(1, sizes[0].channels + 1) if sizes[0].channels % n == 0]
        nearest = min(divisors, key=lambda n: abs(n - layer.num_groups))
        advice = f"give num_groups a divisor of {sizes[0].channels}, such as {nearest}"
        return replace(issue, advice=advice)
    if len(sizes) < 2:
        return issue
    return _equalize_channels(checked, issue, layer, sizes)


def _equalize_channels(checked: CheckedGraph, issue: Issue, layer: Layer, sizes: Sequence[Size]) -> Issue:
    """Branches with different channels: other filters in one of them, or a 1×1 convolution after it.

    Other filters cost nothing, so they come first; but a layer that also feeds others cannot change.
    """
    # either branch may be the wrong one: first the port that the fault names, then the first input
    wrong = layer.input_names.index(issue.port) if issue.port in layer.input_names else 1
    pairs = [(wrong, sizes[0].channels), (0, sizes[wrong].channels)]
    fed = checked.lgraph.sources(layer.name)
    for index, wanted in pairs:
        decisive = _decisive_layer(checked, fed[layer.input_names[index]])
        if decisive is None:
            continue
        edit = _with_outputs(checked, decisive, wanted)
        if is_fixed(checked.infer_sizes_of(edit.lgraph), issue):
            advice = f"give {decisive.name!r} {wanted} filters, or put a 1×1 convolution after it"
            return replace(issue, advice=advice, edit=edit.text, others=(decisive.name,))
    kinds: dict[int, type[Layer]] = {2: Convolution2dLayer, 3: Convolution3dLayer}
    kind: Any = kinds.get(len(sizes[0].spatial))
    for index, wanted in pairs if kind is not None else ():
        edit = Edit(checked.lgraph)
        name = edit.free_name(f"{layer.name}_conv")
        edit.insert(kind(1, wanted, name=name), End(layer.name, layer.input_names[index]))
        if is_fixed(checked.infer_sizes_of(edit.lgraph), issue):
            return replace(issue, edit=edit.text)
    return issue


def fix_classes(checked: CheckedGraph, issue: Issue) -> Issue:
    """Numbers of classes and scores that differ: the layer that computes the scores gets other filters."""
    layer: Any = checked.lgraph[issue.layer]
    decisive = _decisive_layer(checked, checked.lgraph.sources(layer.name)["in"])
    if decisive is None:
        return issue
    edit = _with_outputs(checked, decisive, len(layer.classes))
    if not is_fixed(checked.infer_sizes_of(edit.lgraph), issue):
        return issue
    kind = "outputs" if isinstance(decisive, FullyConnectedLayer) else "filters"
    advice = f"give {decisive.name!r} {len(layer.classes)} {kind}, or the loss other classes"
    return replace(issue, advice=advice, edit=edit.text, others=(decisive.name,))


def _decisive_layer(checked: CheckedGraph, source: End) -> Any:
    """The layer upstream that sets the number of channels of an output, unless it also feeds other layers."""
    lgraph = checked.lgraph
    while True:
        layer: Any = lgraph[source.layer]
        if len(lgraph.destinations(source.layer)) != 1:
            return None  # other filters would not fit its other destinations
        if isinstance(layer, (Convolution, TransposedConvolution, FullyConnectedLayer)):
            return layer
        inputs, outputs = (
            checked.inferred_sizes.inputs[layer.name],
            checked.inferred_sizes.outputs[layer.name],
        )
        # an activation, pooling or normalization leaves the channels to the layer that feeds it
        fed = lgraph.sources(layer.name).get(layer.input_names[0]) if layer.input_names else None
        same = inputs and inputs[0] and outputs[0] and inputs[0].channels == outputs[0].channels
        if fed is None or not same or getattr(layer, "num_channels", "auto") != "auto":
            return None
        source = fed


def _with_outputs(checked: CheckedGraph, layer: Any, number: int) -> Edit:
    """The edit that gives a layer this many filters and drops weights that no longer fit."""
    argument = "num_filters" if hasattr(layer, "num_filters") else "output_size"
    dropped: dict[str, Any] = {} if layer.weights is None else {"weights": None}
    return Edit(checked.lgraph).change([layer.name], **{argument: number}, **dropped)
