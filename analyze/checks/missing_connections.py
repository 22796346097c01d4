"""Missing connections: the output that clearly belongs to an open input.

Many outputs have the right size, and connecting any of them would make the network run. Only an output that
is unused, or that ends the stage of a skip connection, is clear enough for a fix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit
from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes, loose_inputs, unconnected
from layergraph.issues import Issue

_MOST_TRIED = 12  # sources per input that size inference tests
_MOST_FIXED = 20  # inputs for which a source is searched


class _Connected(NamedTuple):
    """A graph with one more connection, from ``source``, and its sizes."""

    source: End
    lgraph: LayerGraph
    inferred_sizes: InferredSizes


def find_missing_connections(checked: CheckedGraph) -> tuple[list[Issue], CheckedGraph]:
    """Findings for open inputs that clearly belong to an output, and the graph with these connected."""
    issues: list[Issue] = []
    lgraph, inferred_sizes = checked.lgraph, checked.inferred_sizes
    for issue, port in islice(_open_inputs(checked), _MOST_FIXED):
        destination = End(issue.layer, port)
        connected = _find_source(checked, lgraph, inferred_sizes, destination)
        if connected is None:
            continue
        source, lgraph, inferred_sizes = connected
        source_text, target = lgraph.output_text(source), lgraph.input_text(destination)
        reason = "which feeds nothing" if not checked.lgraph.destinations(source.layer) else "whose size fits"
        issues.append(
            replace(
                issue,
                port=port,
                text=unconnected([port]),
                advice=f"connect {source_text!r}, {reason}, to {target!r}",
                edit=Edit(checked.lgraph).connect(source_text, target).text,
                others=(source.layer,),
            )
        )
    return issues, CheckedGraph(lgraph, inferred_sizes, checked.target_usage)


def _open_inputs(checked: CheckedGraph) -> Iterator[tuple[Issue, str]]:
    """Each input without a connection, with its fault; inputs of pooling indices and sizes aside."""
    for issue in checked.inferred_sizes.issues:
        if issue.code == "LG-MISSING-INPUT" and issue.port not in checked.lgraph[issue.layer].memory_ports:
            for port in loose_inputs(checked.lgraph, issue.layer):
                if port not in checked.lgraph[issue.layer].memory_ports:
                    yield issue, port


def _find_source(
    checked: CheckedGraph, lgraph: LayerGraph, inferred_sizes: InferredSizes, destination: End
) -> _Connected | None:
    """The graph with the output connected that clearly belongs to this input."""
    downstream = _downstream(lgraph, destination.layer)  # connecting one of these would make a cycle
    unused = [
        End(name, ports[0])
        for name in lgraph.order
        if name not in downstream
        and (ports := lgraph[name].output_names)
        and all(port != ports[0] for port, _ in lgraph.destinations(name))
    ]
    num_faults = len(inferred_sizes.errors)
    # 1. An output that feeds nothing was made for something: the only unused one that fits is the source.
    fitting = _connect_fitting(checked, lgraph, destination, unused, num_faults)
    # 2. Of several, the layer that was added right before this one: networks are written down in series.
    if len(fitting) > 1:
        names = list(lgraph)
        previous = names[names.index(destination.layer) - 1]
        fitting = [one for one in fitting if one.source.layer == previous]
    # 3. Without unused outputs, only a skip connection can be missing: its source also feeds the next stage.
    if not fitting and not unused:
        skips = _ends_of_stages(lgraph, inferred_sizes, destination)
        fitting = _connect_fitting(checked, lgraph, destination, skips, num_faults)[:1]
    return fitting[0] if len(fitting) == 1 else None


def _connect_fitting(
    checked: CheckedGraph, lgraph: LayerGraph, destination: End, sources: Sequence[End], num_faults: int
) -> list[_Connected]:
    """The graph with each source connected that removes the fault and adds no other."""
    fitting = []
    for source in sources[:_MOST_TRIED]:
        connected = lgraph.connect_layers(lgraph.output_text(source), lgraph.input_text(destination))
        sizes = checked.infer_sizes_of(connected)
        if sizes is not None and destination.layer not in sizes.faulty and len(sizes.errors) < num_faults:
            fitting.append(_Connected(source, connected, sizes))
    return fitting


def _ends_of_stages(lgraph: LayerGraph, inferred_sizes: InferredSizes, destination: End) -> list[End]:
    """Outputs with the height and width of the layer's other input that feed a layer of another size.

    The nearest comes first.
    """
    known = [size for size in inferred_sizes.inputs[destination.layer] if size is not None]
    if not known:
        return []
    fed = {end.layer for end in lgraph.sources(destination.layer).values()}
    ends = []
    order = lgraph.order
    for name in reversed(order[: order.index(destination.layer)]):
        outputs, ports = inferred_sizes.outputs[name], lgraph[name].output_names
        size = outputs[0]
        if name in fed or len(ports) != 1 or size is None or size.spatial != known[0].spatial:
            continue
        next_sizes = [inferred_sizes.outputs[end.layer][0] for _, end in lgraph.destinations(name)]
        if any(after is not None and after.spatial != size.spatial for after in next_sizes):
            ends.append(End(name, ports[0]))
    return ends


def _downstream(lgraph: LayerGraph, name: str) -> set[str]:
    """A layer and all layers downstream of it."""
    downstream, stack = {name}, [name]
    while stack:
        for _, end in lgraph.destinations(stack.pop()):
            if end.layer not in downstream:
                downstream.add(end.layer)
                stack.append(end.layer)
    return downstream
