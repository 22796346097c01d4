"""Activations that fill the memory."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.issues import Issue
from layergraph.wording import listed

_LARGEST = 2**28  # numbers of one image: 1 GiB in single precision


def large_activations(checked: CheckedGraph) -> Iterator[Issue]:
    """Single outputs of 1 GiB and more for one image."""
    found = []
    for name, sizes in checked.inferred_sizes.outputs.items():
        size = sizes[0]  # all that is larger than the first is what pooling remembers
        if size is not None and (number := prod(size.shape)) >= _LARGEST:
            found.append((number, name, size))
    if found:
        number, name, size = max(found, key=lambda item: item[0])
        names = list(dict.fromkeys(name for _, name, _ in found))
        others = tuple(other for other in names if other != name)
        more = (
            f"; {listed(others)} {'is' if len(others) == 1 else 'are'} of 1 GiB or more too" if others else ""
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
