"""Replacement of a graph's input size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.wording import listed


def with_input_size(lgraph: LayerGraph, input_size: Sequence[int]) -> LayerGraph:
    """Return the graph with another size at its one input layer, which keeps its name and normalization.

    Args:
        lgraph: a graph with one input layer.
        input_size: (height, width, channels) for images, (height, width, depth, channels) for volumes.

    Raises:
        ArgumentError: the graph has no input layer or several, or ``input_size`` is no such size.

    >>> from layergraph.builders.backbones import vgg16
    >>> with_input_size(vgg16(include_head=False), (360, 480, 3))["input"].description
    "360×480×3 images with 'zerocenter' normalization"
    """
    if len(lgraph.input_names) != 1:
        names = listed(lgraph.input_names) or "none"
        raise ArgumentError(f"with_input_size: lgraph must have one input layer, got {names}")
    (name,) = lgraph.input_names
    layer: Any = lgraph[name]
    return lgraph.replace_layer(name, replace(layer, input_size=input_size))
