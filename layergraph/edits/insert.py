"""Inserting layers into a connection."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from layergraph.graph.draft import Draft
from layergraph.graph.layer_graph import LayerGraph, as_layers
from layergraph.layers.layer import Layer


def insert_after(lgraph: LayerGraph, source: str, layers: Layer | Iterable[Layer]) -> LayerGraph:
    """The graph with these layers between an output and everything that it fed.

    Args:
        source: ``"layer"``, or ``"layer/port"`` where the layer has several outputs.
        layers: one layer or a sequence, which is connected in series; the first takes the output, the last
            feeds what the output fed. Each has one input and one output. In the list of layers they stand
            right behind the source.

    All weights stay. Takes a time that grows with the size of the graph.

    Raises:
        UnknownLayerError, UnknownPortError: no such output, or it is not said which of several; or a new
            layer has several inputs or outputs.
        DuplicateNameError: a name is taken.
        WrongTypeError: something that is not a layer.

    >>> from layergraph import DropoutLayer, ImageInputLayer, LayerGraph, ReluLayer, SoftmaxLayer
    >>> lgraph = LayerGraph([ImageInputLayer((8, 8, 3)), ReluLayer(), SoftmaxLayer()])
    >>> [*insert_after(lgraph, "relu", DropoutLayer(0.2))]
    ['imageinput', 'relu', 'dropout', 'softmax']
    """
    new = as_layers(layers)
    name = source.partition("/")[0] if isinstance(source, str) else source
    lgraph[name]  # or raise
    rows, at = list(lgraph.layers), list(lgraph).index(name) + 1
    draft = Draft({}, {}, {})
    draft.append([*rows[:at], *new, *rows[at:]], in_series=False)
    end = draft.source_end(source)
    written = end.layer if len(lgraph[name].output_names) == 1 else "/".join(end)
    chain = [written, *list(draft.layers)[at : at + len(new)]]
    moved = [(chain[-1] if c.source == written else c.source, c.destination) for c in lgraph.connections]
    draft.connect_all([*pairwise(chain), *moved])
    return LayerGraph.from_draft(draft)
