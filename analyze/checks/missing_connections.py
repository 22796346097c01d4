"""Forgotten connections: the output that plainly belongs to an input that nothing feeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit
from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes, loose_inputs, unconnected
from layergraph.issues import Issue

_MOST_TRIED = 12  # sources that are tried for one input
_MOST_FIXED = 20  # inputs that a source is looked for


def find_missing_connections(checked: CheckedGraph) -> tuple[list[Issue], CheckedGraph]:
    """Findings for inputs that plainly belong to a certain output, and the graph with them connected."""
    found: list[Issue] = []
    mended, inferred_sizes = checked.lgraph, checked.inferred_sizes
    for issue, port in islice(_unconnected_inputs(checked), _MOST_FIXED):
        destination = End(issue.layer, port)
        choice = _source(checked, mended, inferred_sizes, destination)
        if choice is None:
            continue
        source, (mended, inferred_sizes) = choice
        edit = Edit(checked.lgraph)
        source_text, target = mended.output_text(source), mended.input_text(destination)
        edit.connect(source_text, target)
        idle = "which feeds nothing" if not checked.lgraph.destinations(source.layer) else "whose size fits"
        found.append(
            replace(
                issue,
                port=port,
                text=unconnected([port]),
                advice=f"connect {source_text!r}, {idle}, to {target!r}",
                edit=edit.text,
                others=(source.layer,),
            )
        )
    return found, CheckedGraph(mended, inferred_sizes, checked.target_usage)


def _unconnected_inputs(checked: CheckedGraph) -> Iterator[tuple[Issue, str]]:
    """Each input that nothing feeds, with its finding; not those that take what another layer remembers."""
    for issue in checked.inferred_sizes.issues:
        if issue.code == "LG-MISSING-INPUT" and issue.port not in checked.lgraph[issue.layer].memory_ports:
            for port in loose_inputs(checked.lgraph, issue.layer):
                if port not in checked.lgraph[issue.layer].memory_ports:
                    yield issue, port


def _source(
    checked: CheckedGraph, lgraph: LayerGraph, inferred_sizes: InferredSizes, destination: End
) -> tuple[End, tuple[LayerGraph, InferredSizes]] | None:
    """The output that plainly belongs to this input, with the graph that has it connected."""
    behind = _downstream(lgraph, destination.layer)
    idle = [
        End(name, ports[0])
        for name in lgraph.order
        if name not in behind
        and (ports := lgraph[name].output_names)
        and all(port != ports[0] for port, _ in lgraph.destinations(name))
    ]
    faults = len(inferred_sizes.errors)
    fitting = _fitting_sources(checked, lgraph, destination, idle, faults)
    if len(fitting) > 1:  # the one that stands right before it
        names = list(lgraph)
        before = names[names.index(destination.layer) - 1]
        fitting = [choice for choice in fitting if choice[0].layer == before]
    if not fitting and not idle:
        fitting = _fitting_sources(
            checked, lgraph, destination, _skips(lgraph, inferred_sizes, destination), faults
        )[:1]
    return fitting[0] if len(fitting) == 1 else None


def _fitting_sources(
    checked: CheckedGraph, lgraph: LayerGraph, destination: End, sources: Sequence[End], faults: int
) -> list[tuple[End, tuple[LayerGraph, InferredSizes]]]:
    """Those of the sources with which the layer has no fault, and the whole graph fewer."""
    found = []
    for source in sources[:_MOST_TRIED]:
        connected = lgraph.connect_layers(lgraph.output_text(source), lgraph.input_text(destination))
        sizes = checked.infer_sizes_of(connected)
        if sizes is not None and destination.layer not in sizes.faulty and len(sizes.errors) < faults:
            found.append((source, (connected, sizes)))
    return found


def _skips(lgraph: LayerGraph, inferred_sizes: InferredSizes, destination: End) -> list[End]:
    """Outputs with the height and width of the layer's other input that end a stage: they feed what
    downsamples, or what is joined elsewhere. The nearest first."""
    given = [size for size in inferred_sizes.inputs[destination.layer] if size is not None]
    if not given:
        return []
    fed = {end.layer for end in lgraph.sources(destination.layer).values()}
    found = []
    order = lgraph.order
    for name in reversed(order[: order.index(destination.layer)]):
        outputs, ports = inferred_sizes.outputs[name], lgraph[name].output_names
        size = outputs[0]
        if name in fed or len(ports) != 1 or size is None or size.spatial != given[0].spatial:
            continue
        next_sizes = [inferred_sizes.outputs[end.layer][0] for _, end in lgraph.destinations(name)]
        if any(after is not None and after.spatial != size.spatial for after in next_sizes):
            found.append(End(name, ports[0]))
    return found


def _downstream(lgraph: LayerGraph, name: str) -> set[str]:
    """A layer and all that depends on it."""
    found, stack = {name}, [name]
    while stack:
        for _, end in lgraph.destinations(stack.pop()):
            if end.layer not in found:
                found.add(end.layer)
                stack.append(end.layer)
    return found
