"""Cures of unpooling: the pooling layer whose indices and size belong to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit
from layergraph.graph.size_inference import InferredSizes, loose_inputs
from layergraph.issues import Issue
from layergraph.layers import MaxPooling2dLayer

_MOST_TRIED = 8


def fix_unpooling(checked: CheckedGraph, issues: Sequence[Issue]) -> tuple[list[Issue], set[Issue]]:
    """One finding for each layer that lacks its partner, and the facts that it stands for."""
    found: list[Issue] = []
    told: set[Issue] = set()
    facts: dict[str, list[Issue]] = {}
    for issue in issues:
        layer = checked.lgraph[issue.layer] if issue.layer else None
        lacking = layer is not None and issue.port in layer.memory_ports and issue.port in layer.input_names
        if issue.code == "LG-UNPOOLING" or (issue.code == "LG-MISSING-INPUT" and lacking):
            facts.setdefault(issue.layer, []).append(issue)
    for name, own in facts.items():
        told.update(own)
        first, layer = own[0], checked.lgraph[name]
        if any(issue.code == "LG-MISSING-INPUT" for issue in own):
            missing = [port for port in loose_inputs(checked.lgraph, name) if port in layer.memory_ports]
            ports = f"input{'s' * (len(missing) > 1)} {' and '.join(map(repr, missing))}"
            first = replace(
                first,
                code="LG-UNPOOLING",
                text=f"{ports} {'are' if len(missing) > 1 else 'is'} not connected: the layer unpools what "
                "one max pooling layer pooled",
                advice="connect 'pool/indices' and 'pool/size' of the pooling layer that belongs to it",
            )
        partner = next(_partners(checked, name), None) if checked.lgraph[name].memory_ports else None
        if partner is not None:
            pool, edit, sizes = partner
            first = replace(
                first,
                advice=f"take indices and size from {pool!r}, which pooled to its size",
                edit=edit.text,
                others=(pool,),
            )
            # what its memory ports lacked follows
            left = {(issue.code, issue.layer, issue.port) for issue in sizes.issues}
            told |= {
                issue
                for issue in issues
                if issue.code == "LG-UNUSED-OUTPUT" and (issue.code, issue.layer, issue.port) not in left
            }
        found.append(first)
    return found, told


def _partners(checked: CheckedGraph, name: str) -> Iterator[tuple[str, Edit, InferredSizes]]:
    """Pooling layers whose indices and size make the layer fit, those not yet unpooled first."""
    lgraph = checked.lgraph
    layer = lgraph[name]
    fed = lgraph.sources(name)

    def is_used(pool: MaxPooling2dLayer) -> bool:
        return any(
            port in pool.memory_ports and end.layer != name for port, end in lgraph.destinations(pool.name)
        )

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
            # with further outputs the first must be named, so that connections are made anew
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
