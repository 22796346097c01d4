"""The class names of data and network, which must be the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from layergraph.errors import DataError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers.layer import Layer
from layergraph.sizes import Size
from layergraph.training.batches.targets import num_classes
from layergraph.wording import listed, quoted


def add_class_names(lgraph: LayerGraph, data: object, output: Layer, scores: Size) -> LayerGraph:
    """The graph, with the class names of the data in its output layer if that has none.

    Args:
        data: the source of ``classes``; without them, or for a regression, the graph stays unchanged.
        output: the output layer; ``scores`` is the size of its input.

    Raises:
        DataError: the data has other classes than the layer, or another number than the scores.
    """
    count, names = num_classes(output, scores), getattr(data, "classes", None)
    if count is None or names is None:
        return lgraph
    classes, known = tuple(map(str, names)), getattr(output, "classes", "auto")
    if len(classes) != count:
        raise DataError(
            f"train_network: data must have as many classes as the network scores ({count}), got "
            f"{len(classes)} ({listed(classes)}); give the last convolution {len(classes)} filters, or build "
            f"the network with num_classes={len(classes)}"
        )
    if isinstance(known, str):  # "auto"
        layer: Any = output
        return lgraph.replace_layer(layer.name, replace(layer, classes=classes))
    check_class_names(classes, output)
    return lgraph


def check_class_names(classes: Sequence[str], output: Layer) -> None:
    """Raise ``DataError`` if an output layer has other classes than the data, or another order."""
    known = getattr(output, "classes", "auto")
    if isinstance(known, str) or tuple(known) == tuple(classes):  # "auto"
        return
    # another order is an error, too: each class would be trained under the name of another one
    names = "in the order" if sorted(known) == sorted(classes) else "those"
    raise DataError(
        f"train_network: the classes of data must be {names} of layer {quoted(output.name)} "
        f"({listed(known)}), got ({listed(classes)}); give the classes of the layer in its order"
    )
