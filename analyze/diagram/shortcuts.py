"""Find the shortcuts of folded blocks: connections into a block that pass some of its layers.

One edge leads into a folded block for all its connections, and so a residual network would look like a chain.
A shortcut therefore has an edge of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import AdditionLayer


def find_shortcuts(
    lgraph: LayerGraph, layers: Sequence[str], entries: Sequence[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Of the connections into a block, those that are shortcuts past others of the same source.

    Branches of one source meet at a joining layer. A connection to this layer itself is a shortcut. Where the
    branches are added, so is each one with fewer layers than the longest, such as a projection.

    Args:
        lgraph: the network.
        layers: the names of the block, in the analyzer's order.
        entries: the source and the destination of each connection into the block.

    >>> from layergraph.builders.backbones import resnet18
    >>> lgraph = resnet18()
    >>> block = [name for name in lgraph.order if name.startswith(("res3b", "bn3b"))]
    >>> find_shortcuts(lgraph, block, [("res3a_relu", "res3b_branch2a"), ("res3a_relu", "res3b")])
    {('res3a_relu', 'res3b')}
    """
    inside = set(layers)
    meetings: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for source, destination in entries:
        join, steps = _next_join(lgraph, inside, destination)
        meetings.setdefault((source, join), []).append((steps, destination))
    shortcuts = set()
    for (source, join), branches in meetings.items():
        longest = max(steps for steps, _ in branches)
        is_added = bool(join) and isinstance(lgraph[join], AdditionLayer)
        shortcuts |= {
            (source, destination)
            for steps, destination in branches
            if join and steps < longest and (steps == 0 or is_added)
        }
    return shortcuts


def _next_join(lgraph: LayerGraph, inside: set[str], name: str) -> tuple[str, int]:
    """The first joining layer on a branch, and the layers before it; none if the branch divides or ends."""
    steps = 0
    while lgraph[name].kind != "joining":
        following = {end.layer for _, end in lgraph.destinations(name)}
        if len(following) != 1 or not following <= inside:
            return "", steps
        (name,) = following
        steps += 1
    return name, steps
