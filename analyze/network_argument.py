"""What can be analyzed and drawn: a layer graph, a compiled network, a sequence of layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast

from layergraph.errors import WrongTypeError
from layergraph.graph.given_layers import description
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Image3dInputLayer, ImageInputLayer, ModuleLayer
from layergraph.layers.layer import Layer

if TYPE_CHECKING:
    from torch import nn


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
    if is_module(subject):
        raise WrongTypeError(
            f"{caller} takes a LayerGraph, a compiled network or a sequence of layers, got the torch module "
            f"{type(subject).__name__}; give its image size, analyze_network(module, "
            "input_size=(height, width, channels)), or wrap it as a layer: ModuleLayer(module, name=...)"
        )
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


def is_module(subject: object) -> bool:
    """Whether this is a torch module that is no compiled network; looked at without importing torch."""
    bases = type(subject).__mro__
    named = any(cls.__module__ == "torch.nn.modules.module" and cls.__name__ == "Module" for cls in bases)
    return named and not is_compiled(subject)


def around_module(module: nn.Module, input_size: object) -> LayerGraph:
    """An input layer of this size (with a depth: of volumes), and the module as the one layer behind it.

    Raises:
        ArgumentError: no size of an image or a volume.
    """
    volume = isinstance(input_size, (list, tuple)) and len(input_size) == 4
    made = Image3dInputLayer if volume else ImageInputLayer
    data = made(cast(Sequence[int], input_size), normalization="none", name="input")
    return LayerGraph([data, ModuleLayer(module, name="module")])


def is_compiled(subject: object) -> bool:
    """Whether this is a compiled network."""
    return not isinstance(subject, LayerGraph) and isinstance(getattr(subject, "_lgraph", None), LayerGraph)


def _described(subject: object) -> str:
    if isinstance(subject, str) or hasattr(subject, "__fspath__"):
        return f"the text {subject!r:.60}; a saved graph is read by layergraph.load(path)"
    return description(subject)
