"""Torch modules of which an analysis cannot say all."""

from __future__ import annotations

from collections.abc import Iterator

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.sized_network import known_inputs
from layergraph.issues import Issue
from layergraph.layers import ModuleLayer


def measured_modules(checked: CheckedGraph) -> Iterator[Issue]:
    """Modules that ran with data; where values decide what they do, others may give other sizes."""
    for layer in checked.layers_of(ModuleLayer):
        inputs = known_inputs(checked.lgraph, layer, checked.inferred_sizes)
        if inputs and layer.is_measured(inputs):
            text = (
                "the module cannot run without data; sizes and costs are those of a run with random numbers"
            )
            advice = (
                "where values decide, other images may give others; a module that looks at none needs no data"
            )
            yield Issue("LG-MEASURED", "note", layer.name, "", text, advice)
