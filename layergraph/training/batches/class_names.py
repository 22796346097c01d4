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


def add_class_names(lgraph: LayerGraph, data: object, scores: Sequence[Size]) -> LayerGraph:
    """The graph, with the class names of the data in its output layers without names.

    With several output layers that have classes, the names are those of the combined store's columns
    (``data.stores``); other data names no classes then, because one set of names fits one layer alone.

    Args:
        data: the source of ``classes``; without them, or for a regression, the graph stays unchanged.
        scores: the size of the input of each output layer.

    Raises:
        DataError: the data has other classes than the layer, or another number than the scores.
    """
    layers = [lgraph[name] for name in lgraph.output_names]
    counts = [num_classes(layer, size) for layer, size in zip(layers, scores, strict=True)]
    sources: list[object] = [data] * len(layers)
    if len([count for count in counts if count is not None]) > 1:
        stores = getattr(data, "stores", ())
        first = len(lgraph.input_names)
        fits = len(stores) == first + len(layers)
        sources = list(stores[first:]) if fits else [None] * len(layers)
    for layer, count, source in zip(layers, counts, sources, strict=True):
        names = getattr(source, "classes", None)
        if count is not None and names is not None:
            lgraph = _with_names(lgraph, layer, count, tuple(map(str, names)))
    return lgraph


def _with_names(lgraph: LayerGraph, output: Layer, count: int, classes: tuple[str, ...]) -> LayerGraph:
    if len(classes) != count:
        raise DataError(
            f"train_network: data must have as many classes as the network scores ({count}), got "
            f"{len(classes)} ({listed(classes)}); give the last convolution {len(classes)} filters, or build "
            f"the network with num_classes={len(classes)}"
        )
    known = getattr(output, "classes", None)
    if isinstance(known, str):  # "auto"
        layer: Any = output
        return lgraph.replace_layer(layer.name, replace(layer, classes=classes))
    check_class_names(classes, output)
    return lgraph


def check_class_names(classes: Sequence[str], output: Layer) -> None:
    """Raise ``DataError`` if an output layer has other classes than the data, or another order."""
    known = getattr(output, "classes", None)
    # "auto", or a loss of one's own without class names
    if known is None or isinstance(known, str) or tuple(known) == tuple(classes):
        return
    # another order is an error, too: each class would be trained under the name of another one
    names = "in the order" if sorted(known) == sorted(classes) else "those"
    raise DataError(
        f"train_network: the classes of data must be {names} of layer {quoted(output.name)} "
        f"({listed(known)}), got ({listed(classes)}); give the classes of the layer in its order"
    )
