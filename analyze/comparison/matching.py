"""The correspondence between the layers of two graphs: by name, or renamed at the same position."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Set
from dataclasses import fields
from functools import cache
from typing import Any

from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers.layer import Layer


def match_layers(before: LayerGraph, after: LayerGraph) -> dict[str, str]:
    """Maps the layers of ``before`` that ``after`` still has to their names in ``after``.

    A removed layer counts as renamed if an added layer has its type and arguments, is fed by the same layers
    and feeds the same layers; these may be renamed themselves.

    >>> from layergraph import LayerGraph, ImageInputLayer, ReluLayer
    >>> data = ImageInputLayer((8, 8, 1), name="data")
    >>> match_layers(LayerGraph([data, ReluLayer(name="a")]), LayerGraph([data, ReluLayer(name="b")]))
    {'data': 'data', 'a': 'b'}
    """
    matches = {name: name for name in before if name in after}
    # a snapshot: matches grows below, but signatures of both graphs must use the same names
    common = frozenset(matches)
    added: dict[Hashable, list[str]] = defaultdict(list)
    for name in after.order:
        if name not in common:
            fed = frozenset(after.sources(name).items())
            # layers that look alike, such as parallel branches, pair in the analyzer's order
            added[_signature(after, name, common), fed].append(name)
    # in topological order the sources of a layer are matched before it, so that a chain of renamed layers
    # matches from its start on; destinations are not matched yet and are compared by type and arguments
    for name in before.order if added else ():
        if name in common:
            continue
        sources = before.sources(name).items()
        # a source without a match becomes "", which is no layer's name, so nothing matches it
        fed = frozenset((port, End(matches.get(end.layer, ""), end.port)) for port, end in sources)
        if candidates := added.get((_signature(before, name, common), fed)):
            matches[name] = candidates.pop(0)
    return matches


def arguments(layer: Layer) -> dict[str, Any]:
    """The arguments of a layer except its name and weights."""
    kind: Any = type(layer)
    return {argument: getattr(layer, argument) for argument in _arguments(kind)}


@cache
def _arguments(kind: Any) -> tuple[str, ...]:
    ordered = sorted(fields(kind), key=lambda field: field.kw_only is True)  # as the constructor takes them
    # weights are compared on their own, so that a trained layer can still count as renamed
    return tuple(field.name for field in ordered if field.name not in ("name", "weights"))


def _signature(lgraph: LayerGraph, name: str, common: Set[str]) -> Hashable:
    """The type and arguments of a layer and its destinations; the latter by name if both graphs have them."""
    # a Counter, not a set: a layer may feed several layers that look alike
    feeds = Counter(
        (port, end.port, end.layer if end.layer in common else _type_and_arguments(lgraph[end.layer]))
        for port, end in lgraph.destinations(name)
    )
    return _type_and_arguments(lgraph[name]), frozenset(feeds.items())


def _type_and_arguments(layer: Layer) -> Hashable:
    return type(layer), *arguments(layer).values()
