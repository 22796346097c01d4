"""Removal of all layers that named layers do not need."""

from __future__ import annotations

from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph


def cut_after(lgraph: LayerGraph, *names: str) -> LayerGraph:
    """Return the graph of these layers and all layers upstream of them, with their weights.

    Raises:
        UnknownLayerError: a name that no layer has.
        ArgumentError: no name is given.

    >>> from layergraph.builders.backbones import vgg16
    >>> encoder = cut_after(vgg16(), "pool4")
    >>> len(encoder), [*encoder][-1]
    (25, 'pool4')
    """
    if not names:
        raise ArgumentError("cut_after: names must be those of one or more layers, got none")
    needed = lgraph.upstream(lgraph[name].name for name in names)
    return lgraph.remove_layers([name for name in lgraph if name not in needed])
