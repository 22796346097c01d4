"""Describe a folded block: its operations in a few words, and the kind that colors it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Layer
from layergraph.layers.layer import Kind
from layergraph.wording import times

_MOST = 3  # operations that are named


def contents(lgraph: LayerGraph, names: Sequence[str]) -> str:
    """The operations of a block, the most frequent first; normalization and activations only if alone.

    >>> from layergraph.builders import segnet_layers
    >>> lgraph = segnet_layers((32, 32, 1), 2, 1)
    >>> contents(lgraph, ["encoder1_conv1", "encoder1_relu_1", "encoder1_conv2", "encoder1_maxpool"])
    '3×3 convolution ×2, 2×2 max pooling'
    """
    layers = [lgraph[name] for name in names]
    main = [layer for layer in layers if not layer.is_part_of_previous]
    counts = Counter(map(_operation, main or layers))
    frequent = sorted(counts, key=lambda operation: -counts[operation])
    texts = [
        f"{operation} ×{counts[operation]}" if counts[operation] > 1 else operation for operation in frequent
    ]
    return ", ".join([*texts[:_MOST], "…"] if len(texts) > _MOST else texts)


def main_kind(lgraph: LayerGraph, names: Sequence[str]) -> Kind:
    """The kind of layer that gives a block its color: one that computes, or that of its first layer."""
    layers = [lgraph[name] for name in names]
    kinds = [layer.kind for layer in layers]
    for kind in ("transposed convolution", "unpooling", "convolution", "module"):
        if kind in kinds:
            return kind
    return next((layer.kind for layer in layers if not layer.is_part_of_previous), kinds[0])


def _operation(layer: Layer) -> str:
    window = getattr(layer, "filter_size", None) or getattr(layer, "pool_size", None)
    size = f"{times(window)} " if isinstance(window, tuple) else ""
    # lower case inside a list, except for names such as ReLU and 2D
    words = [word.lower() if word.istitle() else word for word in layer.type.split()]
    return size + " ".join(words)
