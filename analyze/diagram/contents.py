"""Describe a folded block: its operations in a few words, and the kind that colors it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Layer
from layergraph.layers.layer import Kind
from layergraph.wording import times

_MOST = 3  # operations that are named


class Operation(NamedTuple):
    """An operation of a block with the number of its layers, and its kind."""

    text: str
    kind: Kind | None


def contents(lgraph: LayerGraph, names: Sequence[str]) -> list[Operation]:
    """The operations of a block, the most frequent first; normalization and activations only if alone.

    The last one is "…", without a kind, where there are more.

    >>> from layergraph.builders import segnet_layers
    >>> lgraph = segnet_layers((32, 32, 1), 2, 1)
    >>> names = ["encoder1_conv1", "encoder1_relu_1", "encoder1_conv2", "encoder1_maxpool"]
    >>> [operation.text for operation in contents(lgraph, names)]
    ['3×3 convolution ×2', '2×2 max pooling']
    """
    layers = [lgraph[name] for name in names]
    main = [layer for layer in layers if not layer.is_part_of_previous]
    counts: Counter[Operation] = Counter(_operation(layer) for layer in main or layers)
    operations = [
        operation._replace(text=f"{operation.text} ×{count}" if count > 1 else operation.text)
        for operation, count in counts.most_common()
    ]
    return [*operations[:_MOST], Operation("…", None)] if len(operations) > _MOST else operations


def main_kind(lgraph: LayerGraph, names: Sequence[str]) -> Kind:
    """The kind of layer that gives a block its color: one that computes, or that of its first layer."""
    layers = [lgraph[name] for name in names]
    kinds = [layer.kind for layer in layers]
    for kind in ("transposed convolution", "unpooling", "convolution", "module"):
        if kind in kinds:
            return kind
    return next((layer.kind for layer in layers if not layer.is_part_of_previous), kinds[0])


def _operation(layer: Layer) -> Operation:
    window = getattr(layer, "filter_size", None) or getattr(layer, "pool_size", None)
    size = f"{times(window)} " if isinstance(window, tuple) else ""
    # lower case inside a list, except for names such as ReLU and 2D
    words = [word.lower() if word.istitle() else word for word in layer.type.split()]
    return Operation(size + " ".join(words), layer.kind)
