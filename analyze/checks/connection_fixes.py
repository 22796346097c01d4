"""Cures of what is not connected, without what only follows from it."""

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

_MOST_FIXED = 20  # faults of one kind that get a cure of their own


def fix_connections(checked: CheckedGraph, issues: Sequence[Issue]) -> list[Issue]:
    """The facts about connections with their cures, without those that only follow from others."""
    lgraph = checked.lgraph
    missing = [issue for issue in issues if issue.code == "LG-MISSING-INPUT"]
    unused = [issue for issue in issues if issue.code == "LG-UNUSED-OUTPUT" and issue.severity == "error"]
    told: set[Issue] = set()
    found: list[Issue] = []
    for issue in issues:
        if issue.code == "LG-NO-INPUT":
            found.append(_no_input(lgraph, issue, missing))
            told.update(missing if found[-1].edit else ())
        elif issue.code == "LG-NO-OUTPUT":
            end = unused[-1] if unused else None
            found.append(_no_output(checked, issue, end))
            told.update([end] if end else ())
    found += _parts(checked, issues, missing + unused, told)
    left = [issue for issue in unused if issue not in told]
    found += [_unused(lgraph, issue) for issue in left[:_MOST_FIXED]] + left[_MOST_FIXED:]
    found += [issue for issue in missing if issue not in told]
    found += _memories(lgraph, issues)
    kept = ("LG-NO-INPUT", "LG-NO-OUTPUT", "LG-DISCONNECTED", "LG-MISSING-INPUT", "LG-UNUSED-OUTPUT")
    return [*found, *(issue for issue in issues if issue.code not in kept)]


def _no_input(lgraph: LayerGraph, issue: Issue, missing: Sequence[Issue]) -> Issue:
    if len(missing) != 1 or len(loose_inputs(lgraph, missing[0].layer)) > 1:
        return issue
    (first,) = missing
    edit = Edit(lgraph)
    channels = getattr(lgraph[first.layer], "num_channels", 3)
    layer = ImageInputLayer((224, 224, 3 if channels == "auto" else channels), name=edit.free_name("input"))
    edit.add(layer).connect(layer.name, lgraph.input_text(End(first.layer, first.port)))
    advice = f"add an ImageInputLayer of the size of your images and connect it to {first.layer!r}"
    return replace(issue, advice=advice, edit=edit.text, others=(first.layer,))


def _no_output(checked: CheckedGraph, issue: Issue, end: Issue | None) -> Issue:
    if end is None:
        return issue
    lgraph, edit = checked.lgraph, Edit(checked.lgraph)
    last, size = end.layer, checked.inferred_sizes.outputs[end.layer][0]
    source = lgraph.output_text(End(last, end.port))
    if not isinstance(lgraph[last], SoftmaxLayer):
        name = edit.free_name("softmax")
        edit.add(SoftmaxLayer(name=name)).connect(source, name)
        source = name
    per_image = size is not None and not set(size.spatial) - {1}
    kind: type[Layer] = ClassificationLayer if per_image else PixelClassificationLayer
    loss = edit.free_name("loss")
    edit.add(kind(name=loss)).connect(source, loss)
    advice = f"add one behind {last!r}, such as a {kind.__name__}"
    return replace(issue, advice=advice, edit=edit.text, others=(last,))


def _parts(
    checked: CheckedGraph, issues: Sequence[Issue], ends: Sequence[Issue], told: set[Issue]
) -> Iterator[Issue]:
    """One finding for each part that is not connected, instead of those for its ends, which join ``told``."""
    lgraph, at = checked.lgraph, defaultdict(list)
    for end in ends:
        at[end.layer].append(end)
    apart: list[tuple[Issue, list[str]]] = []
    for issue in issues:
        if issue.code == "LG-DISCONNECTED":
            part = _part(checked, issue.layer)
            inside = {end for name in part for end in at[name]} if len(part) < len(lgraph) else set()
            if any(lgraph[name].is_output for name in part):
                if not inside - told:
                    advice = "connect both, or analyze and train it as a network of its own"
                    others = tuple(name for name in part if name != issue.layer)
                    yield replace(issue, advice=advice, others=others)
                continue  # else a network to train: what it lacks is told
            told |= inside
            apart.append((issue, part))
    if len(apart) > _MOST_FIXED:
        issue, names = apart[0][0], [name for _, part in apart for name in part]
        text = f"{listed(names)} are {len(apart)} parts that are not connected to the rest of the network"
        apart = [(replace(issue, text=text), names)]
    for issue, part in apart:
        others = tuple(name for name in part if name != issue.layer)
        yield replace(issue, edit=Edit(lgraph).remove(part).text, others=others)


def _part(checked: CheckedGraph, start: str) -> list[str]:
    """The connected part of the graph that a layer is in, in order."""
    lgraph, found, stack = checked.lgraph, {start}, [start]
    while stack:
        name = stack.pop()
        near = [end.layer for end in lgraph.sources(name).values()]
        near += [end.layer for _, end in lgraph.destinations(name)]
        stack += [other for other in near if other not in found]
        found.update(near)
    return sorted(found, key=checked.position.__getitem__)


def _unused(lgraph: LayerGraph, issue: Issue) -> Issue:
    """An output that feeds nothing, with the layers that serve it alone."""
    branch, stack = {issue.layer}, [issue.layer]
    while stack:
        for source in lgraph.sources(stack.pop()).values():
            name = source.layer
            if name not in branch and all(end.layer in branch for _, end in lgraph.destinations(name)):
                branch.add(name)
                stack.append(name)
    if any(lgraph[name].is_input for name in branch):
        return issue
    names = [name for name in lgraph if name in branch] if len(branch) > 1 else [issue.layer]
    others = tuple(name for name in names if name != issue.layer)
    text = issue.text
    if others:
        text += f", so that {listed(others)} {'is' if len(others) == 1 else 'are'} computed for nothing"
    return replace(issue, text=text, edit=Edit(lgraph).remove(names).text, others=others)


def _memories(lgraph: LayerGraph, issues: Sequence[Issue]) -> Iterator[Issue]:
    """One finding a layer for what no unpooling uses."""
    ports: dict[str, list[Issue]] = {}
    for issue in issues:
        if issue.code == "LG-UNUSED-OUTPUT" and issue.severity == "warning":
            ports.setdefault(issue.layer, []).append(issue)
    for name, found in ports.items():
        layer, first = lgraph[name], found[0]
        if len(found) == 1 or not layer.memory_ports:
            yield from found
            continue
        text = f"outputs {' and '.join(repr(issue.port) for issue in found)} are not used"
        edit = Edit(lgraph)
        advice = first.advice
        if all(port not in layer.memory_ports for port, _ in lgraph.destinations(name)):
            edit.change([name], has_unpooling_outputs=False)
            advice = "nothing is lost; has_unpooling_outputs=False leaves them out"
        yield replace(first, port="", text=text, advice=advice, edit=edit.text)
