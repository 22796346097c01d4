"""The class names of data and network: one has to fit the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from layergraph.errors import DataError
from layergraph.graph import LayerGraph
from layergraph.layers.layer import Layer
from layergraph.sizes import Size
from layergraph.training.targets import num_classes
from layergraph.wording import quoted, visible


def with_classes(lgraph: LayerGraph, data: object, output: Layer, scores: Size) -> LayerGraph:
    """The graph whose output layer has the class names of the data, where it had none.

    Args:
        data: its ``classes`` count; without them, or for a regression, the graph is as it was.
        output: the output layer, ``scores`` what it is given.

    Raises:
        DataError: the data has other classes than the layer, or not as many as there are scores.
    """
    count, names = num_classes(output, scores), getattr(data, "classes", None)
    if count is None or names is None:
        return lgraph
    classes, known = tuple(map(str, names)), getattr(output, "classes", "auto")
    if len(classes) != count:
        raise DataError(
            f"the data has {len(classes)} classes ({_listed(classes)}), but the network scores {count}; give "
            f"its last convolution {len(classes)} filters, or build it with num_classes={len(classes)}"
        )
    if isinstance(known, str):  # "auto"
        layer: Any = output
        return lgraph.replace_layer(layer.name, replace(layer, classes=classes))
    expect_classes(classes, output)
    return lgraph


def expect_classes(classes: Sequence[str], output: Layer) -> None:
    """Raise ``DataError`` if an output layer has other classes than the data, or another order of them."""
    known = getattr(output, "classes", "auto")
    if isinstance(known, str) or tuple(known) == tuple(classes):  # "auto"
        return
    hint = "; they have another order" if sorted(known) == sorted(classes) else ""
    raise DataError(
        f"the classes of the data ({_listed(classes)}) are not those of layer {quoted(output.name)} "
        f"({_listed(known)}){hint}; give them as the layer has them"
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(visible, names[:4]))
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"
