"""The check for torch modules whose sizes depend on data."""

from __future__ import annotations

from collections.abc import Iterator

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.sized_network import known_inputs
from layergraph.issues import Issue
from layergraph.layers import ModuleLayer


def measured_modules(checked: CheckedGraph) -> Iterator[Issue]:
    """Torch modules that had to run with data, which may have other sizes for other data."""
    for layer in checked.layers_of(ModuleLayer):
        inputs = known_inputs(checked.lgraph, layer, checked.inferred_sizes)
        if inputs and layer.is_measured(inputs):
            text = "the module cannot run without data: sizes and costs come from a run with random numbers"
            advice = "if they depend on values, replace branches on values, for example by torch.where"
            yield Issue("LG-MEASURED", "note", layer.name, "", text, advice)
