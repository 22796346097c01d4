"""Another image size for a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from layergraph.errors import LayerArgumentError
from layergraph.graph import LayerGraph


def with_input_size(lgraph: LayerGraph, input_size: Sequence[int]) -> LayerGraph:
    """The graph with another size at its one input layer, which keeps its name and normalization.

    Raises:
        LayerArgumentError: the graph has no or several input layers, or the size is none.

    >>> from layergraph.builders.backbones import vgg16
    >>> with_input_size(vgg16(include_head=False), (360, 480, 3))["input"].description
    "360×480×3 images with 'zerocenter' normalization"
    """
    if len(lgraph.input_names) != 1:
        found = ", ".join(lgraph.input_names) or "none"
        raise LayerArgumentError(f"with_input_size is for a graph with one input layer, it has {found}")
    (name,) = lgraph.input_names
    layer: Any = lgraph[name]
    return lgraph.replace_layer(name, replace(layer, input_size=input_size))
