"""Cutting a graph at named layers."""

from __future__ import annotations

from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph


def cut_after(lgraph: LayerGraph, *names: str) -> LayerGraph:
    """The part of a graph that computes these layers; all that comes after, or beside, is gone.

    Weights stay with the layers.

    Raises:
        UnknownLayerError: a name that no layer has.
        ArgumentError: no name at all.

    >>> from layergraph.builders.backbones import vgg16
    >>> encoder = cut_after(vgg16(), "pool4")
    >>> len(encoder), [*encoder][-1]
    (25, 'pool4')
    """
    if not names:
        raise ArgumentError("cut_after: names are those of one layer or more, got none")
    needed = lgraph.upstream(lgraph[name].name for name in names)
    return lgraph.remove_layers([name for name in lgraph if name not in needed])
