"""Fixes for unpooling layers: connections to the pooling layer that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit
from layergraph.graph.size_inference import InferredSizes, loose_inputs
from layergraph.issues import Issue
from layergraph.layers import MaxPooling2dLayer

_MOST_TRIED = 8  # pooling layers per unpooling layer that size inference tests


def fix_unpooling(checked: CheckedGraph, issues: Sequence[Issue]) -> tuple[list[Issue], set[Issue]]:
    """One finding for each layer that lacks its pooling layer, and the faults that these explain."""
    findings: list[Issue] = []
    explained: set[Issue] = set()
    by_layer: dict[str, list[Issue]] = {}
    for issue in issues:
        layer = checked.lgraph[issue.layer] if issue.layer else None
        is_open = layer is not None and issue.port in layer.memory_ports and issue.port in layer.input_names
        if issue.code == "LG-UNPOOLING" or (issue.code == "LG-MISSING-INPUT" and is_open):
            by_layer.setdefault(issue.layer, []).append(issue)
    for name, faults in by_layer.items():
        explained.update(faults)
        first, layer = faults[0], checked.lgraph[name]
        if any(issue.code == "LG-MISSING-INPUT" for issue in faults):
            missing = [port for port in loose_inputs(checked.lgraph, name) if port in layer.memory_ports]
            ports = f"input{'s' * (len(missing) > 1)} {' and '.join(map(repr, missing))}"
            first = replace(
                first,
                code="LG-UNPOOLING",
                text=f"{ports} {'are' if len(missing) > 1 else 'is'} not connected: the layer unpools the "
                "output of one max pooling layer",
                advice="connect 'pool/indices' and 'pool/size' of the pooling layer that belongs to it",
            )
        partner = next(_partners(checked, name), None) if layer.memory_ports else None
        if partner is not None:
            pool, edit, sizes = partner
            first = replace(
                first,
                advice=f"take indices and size from {pool!r}, which pooled to its size",
                edit=edit.text,
                others=(pool,),
            )
            # outputs are no longer unused once the layer reads them
            left = {(issue.code, issue.layer, issue.port) for issue in sizes.issues}
            explained |= {
                issue
                for issue in issues
                if issue.code == "LG-UNUSED-OUTPUT" and (issue.code, issue.layer, issue.port) not in left
            }
        findings.append(first)
    return findings, explained


def _partners(checked: CheckedGraph, name: str) -> Iterator[tuple[str, Edit, InferredSizes]]:
    """Pooling layers whose indices and size fit the layer, those without an unpooling layer first."""
    lgraph = checked.lgraph
    layer = lgraph[name]
    fed = lgraph.sources(name)

    def is_used(pool: MaxPooling2dLayer) -> bool:
        return any(
            port in pool.memory_ports and end.layer != name for port, end in lgraph.destinations(pool.name)
        )

    # decoders unpool in reverse order, so that the last free pooling layer is the likeliest
    pools = sorted(
        checked.layers_of(MaxPooling2dLayer), key=lambda pool: (is_used(pool), -checked.position[pool.name])
    )
    for pool in pools[:_MOST_TRIED]:
        if checked.position[pool.name] > checked.position[name] or pool.name == name:
            continue
        edit = Edit(lgraph)
        for port in sorted(layer.memory_ports):
            if port in fed:
                edit.disconnect(edit.lgraph.output_text(fed[port]), f"{name}/{port}")
        if not pool.has_unpooling_outputs:
            edit.change([pool.name], has_unpooling_outputs=True)
        for port in sorted(layer.memory_ports):
            edit.connect(f"{pool.name}/{port}", f"{name}/{port}")
        sizes = checked.infer_sizes_of(edit.lgraph)
        if (
            sizes is not None
            and name not in sizes.faulty
            and len(sizes.errors) < len(checked.inferred_sizes.errors)
        ):
            yield pool.name, edit, sizes
