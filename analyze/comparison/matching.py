"""Which layer of one graph is which of another: by name, or renamed in its place."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Set
from dataclasses import fields
from functools import cache
from typing import Any

from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers.layer import Layer


def matched(before: LayerGraph, after: LayerGraph) -> dict[str, str]:
    """The layers of ``before`` that are in ``after``, each with its name there.

    A layer is renamed where it went and one of its type and arguments came, fed by the same layers and
    feeding the same; these may be renamed themselves.

    >>> from layergraph import LayerGraph, ImageInputLayer, ReluLayer
    >>> data = ImageInputLayer((8, 8, 1), name="data")
    >>> matched(LayerGraph([data, ReluLayer(name="a")]), LayerGraph([data, ReluLayer(name="b")]))
    {'data': 'data', 'a': 'b'}
    """
    found = {name: name for name in before if name in after}
    common = frozenset(found)
    came: dict[Hashable, list[str]] = defaultdict(list)
    for name in after.order:
        if name not in common:
            fed = frozenset(after.sources(name).items())
            came[_place(after, name, common), fed].append(name)
    for name in before.order if came else ():
        if name in common:
            continue
        fed_by = before.sources(name).items()  # looked at before, in this order
        fed = frozenset((port, End(found.get(end.layer, ""), end.port)) for port, end in fed_by)
        if candidates := came.get((_place(before, name, common), fed)):
            found[name] = candidates.pop(0)
    return found


def arguments(layer: Layer) -> dict[str, Any]:
    """What the layer was made with, but for its name and weights."""
    kind: Any = type(layer)
    return {argument: getattr(layer, argument) for argument in _arguments(kind)}


@cache
def _arguments(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name not in ("name", "weights"))


def _place(lgraph: LayerGraph, name: str, common: Set[str]) -> Hashable:
    """What the layer is, and what it feeds: by name where both graphs have that, else by what it is."""
    feeds = Counter(
        (port, end.port, end.layer if end.layer in common else _likeness(lgraph[end.layer]))
        for port, end in lgraph.destinations(name)
    )
    return _likeness(lgraph[name]), frozenset(feeds.items())


def _likeness(layer: Layer) -> Hashable:
    return type(layer), *arguments(layer).values()
