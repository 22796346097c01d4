"""The check for activations that take much memory."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.issues import Issue
from layergraph.wording import listed

_LARGEST = 2**28  # elements per image: 1 GiB in single precision


def large_activations(checked: CheckedGraph) -> Iterator[Issue]:
    """Outputs of at least 1 GiB for one image."""
    large = []
    for name, sizes in checked.inferred_sizes.outputs.items():
        size = sizes[0]  # further outputs only serve unpooling
        if size is not None and (number := prod(size.shape)) >= _LARGEST:
            large.append((number, name, size))
    if large:
        number, name, size = max(large, key=lambda item: item[0])
        others = tuple(other for _, other, _ in large if other != name)
        more = (
            f"; {listed(others)} also take{'s' if len(others) == 1 else ''} 1 GiB or more" if others else ""
        )
        yield Issue(
            "LG-LARGE-ACTIVATION",
            "warning",
            name,
            "",
            f"its output {size} takes {number * 4 / 2**30:.3g} GiB for one image in single precision{more}",
            "use smaller images, fewer filters at full size, or downsample earlier",
            others=others,
        )
