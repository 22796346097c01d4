"""Fixes for layers that are not connected: one finding per cause, without its consequences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit
from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import loose_inputs
from layergraph.issues import Issue
from layergraph.layers import (
    ClassificationLayer,
    ImageInputLayer,
    PixelClassificationLayer,
    SoftmaxLayer,
)
from layergraph.layers.layer import Layer
from layergraph.wording import listed

_MOST_FIXED = 20  # unused outputs that get an edit, and disconnected parts that get a finding, of their own
_CODES = ("LG-NO-INPUT", "LG-NO-OUTPUT", "LG-DISCONNECTED", "LG-MISSING-INPUT", "LG-UNUSED-OUTPUT")


def fix_connections(checked: CheckedGraph, issues: Sequence[Issue]) -> list[Issue]:
    """The issues with fixes for those about connections, without mere consequences of others."""
    lgraph = checked.lgraph
    missing = [issue for issue in issues if issue.code == "LG-MISSING-INPUT"]
    unused = [issue for issue in issues if issue.code == "LG-UNUSED-OUTPUT" and issue.severity == "error"]
    explained: set[Issue] = set()  # the faults at open ends that another finding covers
    findings: list[Issue] = []
    for issue in issues:
        if issue.code == "LG-NO-INPUT":
            findings.append(_fix_no_input(lgraph, issue, missing))
            explained.update(missing if findings[-1].edit else ())
        elif issue.code == "LG-NO-OUTPUT":
            end = unused[-1] if unused else None  # the last one: the network ends there, others are branches
            findings.append(_fix_no_output(checked, issue, end))
            explained.update([end] if end else ())
    findings += _fix_disconnected(lgraph, issues, missing + unused, explained)
    left = [issue for issue in unused if issue not in explained]
    findings += [_fix_unused_output(lgraph, issue) for issue in left[:_MOST_FIXED]] + left[_MOST_FIXED:]
    findings += [issue for issue in missing if issue not in explained]
    findings += _fix_unused_indices(lgraph, issues)
    return [*findings, *(issue for issue in issues if issue.code not in _CODES)]


def _fix_no_input(lgraph: LayerGraph, issue: Issue, missing: Sequence[Issue]) -> Issue:
    if len(missing) != 1 or len(loose_inputs(lgraph, missing[0].layer)) > 1:
        return issue
    (first,) = missing
    edit = Edit(lgraph)
    channels = getattr(lgraph[first.layer], "num_channels", 3)
    layer = ImageInputLayer((224, 224, 3 if channels == "auto" else channels), name=edit.free_name("input"))
    edit.add(layer).connect(layer.name, lgraph.input_text(End(first.layer, first.port)))
    advice = f"add an ImageInputLayer with the size of your images and connect it to {first.layer!r}"
    return replace(issue, advice=advice, edit=edit.text, others=(first.layer,))


def _fix_no_output(checked: CheckedGraph, issue: Issue, end: Issue | None) -> Issue:
    if end is None:
        return issue
    lgraph, edit = checked.lgraph, Edit(checked.lgraph)
    last, size = end.layer, checked.inferred_sizes.outputs[end.layer][0]
    # one score per image, not per pixel, after global pooling or a fully connected layer
    per_image = size is not None and not set(size.spatial) - {1}
    kind: type[Layer] = ClassificationLayer if per_image else PixelClassificationLayer
    layers: list[Layer] = (
        [] if isinstance(lgraph[last], SoftmaxLayer) else [SoftmaxLayer(name=edit.free_name("softmax"))]
    )
    layers.append(kind(name=edit.free_name("loss")))
    edit.add(*layers).connect(lgraph.output_text(End(last, end.port)), layers[0].name)
    advice = f"add one after {last!r}, such as a {kind.__name__}"
    return replace(issue, advice=advice, edit=edit.text, others=(last,))


def _fix_disconnected(
    lgraph: LayerGraph, issues: Sequence[Issue], ends: Sequence[Issue], explained: set[Issue]
) -> Iterator[Issue]:
    """One finding per disconnected part, which adds the faults at its ends to ``explained``."""
    faults_of: dict[str, list[Issue]] = defaultdict(list)
    for end in ends:
        faults_of[end.layer].append(end)
    removable: list[Issue] = []
    for issue in issues:
        if issue.code == "LG-DISCONNECTED":
            part = (issue.layer, *issue.others)
            faults = {end for name in part for end in faults_of[name]}
            if any(lgraph[name].is_output for name in part):
                # a part with a loss is a network of its own: if it lacks something, that is the finding
                if not faults - explained:
                    advice = "connect both, or analyze and train it as a network of its own"
                    yield replace(issue, advice=advice)
                continue
            explained |= faults
            removable.append(issue)
    if len(removable) > _MOST_FIXED:
        first, *others = [name for issue in removable for name in (issue.layer, *issue.others)]
        parts = f"{len(removable)} parts that are not connected to the rest of the network"
        text = f"{listed([first, *others])} are {parts}"
        removable = [replace(removable[0], text=text, others=tuple(others))]
    for issue in removable:
        yield replace(issue, edit=Edit(lgraph).remove([issue.layer, *issue.others]).text)


def _fix_unused_output(lgraph: LayerGraph, issue: Issue) -> Issue:
    """An output that feeds nothing, with the layers upstream that nothing else needs."""
    branch, stack = {issue.layer}, [issue.layer]
    while stack:
        for source in lgraph.sources(stack.pop()).values():
            name = source.layer
            if name not in branch and all(end.layer in branch for _, end in lgraph.destinations(name)):
                branch.add(name)
                stack.append(name)
    if any(lgraph[name].is_input for name in branch):
        return issue  # the whole network is the branch: its end lacks an output layer
    names = [name for name in lgraph if name in branch] if len(branch) > 1 else [issue.layer]
    others = tuple(name for name in names if name != issue.layer)
    text = issue.text
    if others:
        text += f", so that {listed(others)} {'is' if len(others) == 1 else 'are'} computed for nothing"
    return replace(issue, text=text, edit=Edit(lgraph).remove(names).text, others=others)


def _fix_unused_indices(lgraph: LayerGraph, issues: Sequence[Issue]) -> Iterator[Issue]:
    """One finding per pooling layer whose indices and size no unpooling layer uses."""
    by_layer: dict[str, list[Issue]] = {}
    for issue in issues:
        if issue.code == "LG-UNUSED-OUTPUT" and issue.severity == "warning":
            by_layer.setdefault(issue.layer, []).append(issue)
    for name, unused in by_layer.items():
        layer, first = lgraph[name], unused[0]
        if len(unused) == 1 or not layer.memory_ports:
            yield from unused
            continue
        text = f"outputs {' and '.join(repr(issue.port) for issue in unused)} are not used"
        edit, advice = Edit(lgraph), first.advice
        # with one of the two in use, the layer needs its further outputs
        if all(port not in layer.memory_ports for port, _ in lgraph.destinations(name)):
            edit.change([name], has_unpooling_outputs=False)
            advice = "set has_unpooling_outputs=False, which leaves them out"
        yield replace(first, port="", text=text, advice=advice, edit=edit.text)
