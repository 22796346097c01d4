"""Another image size for a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph


def with_input_size(lgraph: LayerGraph, input_size: Sequence[int]) -> LayerGraph:
    """The graph with another size at its one input layer, which keeps its name and normalization.

    Args:
        input_size: (height, width, channels) for images, (height, width, depth, channels) for volumes.

    Raises:
        ArgumentError: the graph has no input layer or several, or ``input_size`` is no such size.

    >>> from layergraph.builders.backbones import vgg16
    >>> with_input_size(vgg16(include_head=False), (360, 480, 3))["input"].description
    "360×480×3 images with 'zerocenter' normalization"
    """
    if len(lgraph.input_names) != 1:
        found = ", ".join(map(repr, lgraph.input_names)) or "none"
        raise ArgumentError(f"with_input_size: lgraph has one input layer, got {found}")
    (name,) = lgraph.input_names
    layer: Any = lgraph[name]
    return lgraph.replace_layer(name, replace(layer, input_size=input_size))
