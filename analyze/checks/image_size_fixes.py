"""The nearest image sizes without a fault of sizes."""

from __future__ import annotations

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.edits.input_size import with_input_size
from layergraph.graph.nearest_sizes import has_no_fault_of_sizes, nearest_sizes
from layergraph.issues import Issue


def fitting_sizes(checked: CheckedGraph, issue: Issue) -> list[tuple[int, ...]]:
    """The nearest smaller and larger (height, width, channels) without the fault, as far as there are any."""
    images = checked.image_size()
    if images is None or any(size is None for size in checked.inferred_sizes.inputs[issue.layer]):
        return []
    *spatial, channels = images

    def fits(n: int) -> bool:
        lgraph = with_input_size(checked.lgraph, (*(n,) * len(spatial), channels))
        return has_no_fault_of_sizes(checked.infer_sizes_of(lgraph))

    return [(*size, channels) for size in nearest_sizes(tuple(spatial), issue.code, fits)]
