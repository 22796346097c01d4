"""What can be analyzed and drawn: a layer graph, a compiled network, a sequence of layers."""

from __future__ import annotations

from collections.abc import Iterable

from layergraph.errors import WrongTypeError
from layergraph.graph import LayerGraph, described
from layergraph.layers.layer import Layer


def layer_graph_of(subject: object, caller: str) -> LayerGraph:
    """The layer graph that is meant; ``caller`` is the function's name, for the message.

    Of a compiled network it is the graph without weights: nothing is copied, and torch is not touched.

    Raises:
        WrongTypeError: it is none of these; the message says how to get there.
        LayergraphError: the layers make no graph.
    """
    if isinstance(subject, LayerGraph):
        return subject
    lgraph = getattr(subject, "_lgraph", None)
    if isinstance(lgraph, LayerGraph):
        return lgraph
    if isinstance(subject, Layer) or (isinstance(subject, Iterable) and not isinstance(subject, str)):
        layers = subject if isinstance(subject, Layer) else list(subject)
        if isinstance(layers, list) and layers and isinstance(layers[0], LayerGraph):
            raise WrongTypeError(
                f"{caller} takes the layer graph alone, got it together with its output size; "
                "a builder such as unet_layers returns both: lgraph, output_size = unet_layers(...)"
            )
        return LayerGraph(layers)
    raise WrongTypeError(
        f"{caller} takes a LayerGraph, a compiled network or a sequence of layers, got {_described(subject)}"
    )


def is_compiled(subject: object) -> bool:
    """Whether this is a compiled network."""
    return not isinstance(subject, LayerGraph) and isinstance(getattr(subject, "_lgraph", None), LayerGraph)


def _described(subject: object) -> str:
    if isinstance(subject, str) or hasattr(subject, "__fspath__"):
        return f"the text {subject!r:.60}; a saved graph is read by layergraph.load(path)"
    return described(subject)
