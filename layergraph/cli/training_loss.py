"""The loss of a network that a command trains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from layergraph.cli.messages import print_note
from layergraph.errors import DataError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers.arguments import choice
from layergraph.wording import quoted

LOSSES = {
    "crossentropy": "PixelClassificationLayer",
    "dice": "DicePixelClassificationLayer",
    "focal": "FocalLossLayer",
}
"""The words for losses, and the layers of ``layergraph`` that compute them."""

METHODS = {
    "median-frequency": "median_frequency_weights",
    "inverse-frequency": "inverse_frequency_weights",
    "effective-number": "effective_number_weights",
}
"""The words for class weights, and the functions of ``layergraph.data`` that compute them."""


def with_loss(lgraph: LayerGraph, loss: str) -> LayerGraph:
    """The graph with another loss, under the name of its own, for classes that the data names.

    Raises:
        DataError: the graph has several output layers.
        ArgumentError: the word means no loss.

    >>> from layergraph.builders import segnet_layers
    >>> type(with_loss(segnet_layers((32, 32), 2, 1), "dice")["pixelLabels"]).__name__
    'DicePixelClassificationLayer'
    """
    import layergraph

    word = choice("layergraph train", "loss", loss, tuple(LOSSES))
    name = _loss_name(lgraph)
    return lgraph.replace_layer(name, getattr(layergraph, LOSSES[word])(name=name))


def fit_loss(
    lgraph: LayerGraph, labels: Any, weighted: bool | None, method: str = "median-frequency"
) -> LayerGraph:
    """The graph with the classes of the labels in its loss, weighted by their frequency or not.

    Args:
        lgraph: the graph; its loss stays of the same kind.
        labels: the datastore of the labels.
        weighted: whether to weigh. None weighs a loss without classes, as builders give it, and keeps any
            other: weights that the user chose must not change unasked.
        method: a key of ``METHODS``.

    Raises:
        DataError: the loss has other classes, or these in another order, or takes no label images.
    """
    from layergraph import data
    from layergraph.training.batches.class_names import check_class_names

    loss: Any = lgraph[_loss_name(lgraph)]
    if not getattr(loss, "per_pixel", False):
        raise DataError(
            f"the loss {quoted(loss.name)} must take a class per pixel, got {type(loss).__name__}; replace "
            "it by a PixelClassificationLayer, or train with train_network"
        )
    check_class_names(labels.classes, loss)
    if weighted is None and loss.classes != "auto":
        print_note(
            f"layer {quoted(loss.name)} keeps its loss, {loss.description}; --class-weights computes class "
            "weights from the labels"
        )
        return lgraph
    # generalized Dice has weights of its own, and focal loss one number for all classes
    if not hasattr(loss, "class_weights"):
        if weighted:
            raise DataError(
                f"--class-weights must not be given for the loss {quoted(loss.name)}, a "
                f"{type(loss).__name__}, which has none; leave it out, or give --loss crossentropy"
            )
        return lgraph.replace_layer(loss.name, replace(loss, classes=labels.classes))
    weights: Any = "none"
    if weighted is not False:
        word = choice("layergraph train", "class_weights_by", method, tuple(METHODS))
        weights = getattr(data, METHODS[word])(data.count_each_label(labels))
    return lgraph.replace_layer(loss.name, replace(loss, classes=labels.classes, class_weights=weights))


def _loss_name(lgraph: LayerGraph) -> str:
    """The name of the output layer; ``DataError`` if there are several."""
    if len(lgraph.output_names) != 1:
        raise DataError(f"training needs a network with one output layer, got {len(lgraph.output_names)}")
    return lgraph.output_names[0]
