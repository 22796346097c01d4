"""The argument that a function analyzes or draws: a layer graph, a compiled network, a sequence of layers."""

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

_EXPECTED = "the network must be a LayerGraph, a compiled network or a sequence of layers"


def layer_graph_of(network: object, caller: str) -> LayerGraph:
    """The layer graph of a network; ``caller`` is the name of the function, for messages.

    The graph of a compiled network comes without weights, so nothing is copied and torch is not imported.

    Raises:
        WrongTypeError: ``network`` is none; the message gives the call that makes one of it.
        LayergraphError: the layers make no graph.
    """
    if isinstance(network, LayerGraph):
        return network
    lgraph = getattr(network, "_lgraph", None)  # isinstance(network, Network) would import torch
    if isinstance(lgraph, LayerGraph):
        return lgraph
    # before the sequences, because nn.Sequential can be iterated too
    if is_torch_module(network):
        raise WrongTypeError(
            f"{caller}: {_EXPECTED}, got the torch module {type(network).__name__}; give its image size, "
            "analyze_network(module, input_size=(height, width, channels)), or wrap it as a layer: "
            "ModuleLayer(module, name=...)"
        )
    if isinstance(network, Layer) or (isinstance(network, Iterable) and not isinstance(network, str)):
        # a generator can be read only once, so it becomes a list before its first element is seen
        layers = network if isinstance(network, Layer) else list(network)
        if isinstance(layers, list) and layers and isinstance(layers[0], LayerGraph):
            raise WrongTypeError(
                f"{caller}: {_EXPECTED}, got a {type(network).__name__} that starts with a LayerGraph; "
                "builders return the graph alone, lgraph = unet_layers(...), and unet_output_size(...) "
                "the size of its output"
            )
        return LayerGraph(layers)
    raise WrongTypeError(f"{caller}: {_EXPECTED}, got {_value_text(network)}")


def is_torch_module(network: object) -> bool:
    """Whether this is a torch module and no compiled network. It does not import torch."""
    # by name, because isinstance would import torch
    bases = type(network).__mro__
    has_module_base = any(
        base.__module__ == "torch.nn.modules.module" and base.__name__ == "Module" for base in bases
    )
    return has_module_base and not is_compiled(network)


def is_compiled(network: object) -> bool:
    """Whether this is a compiled network. It does not import torch."""
    return not isinstance(network, LayerGraph) and isinstance(getattr(network, "_lgraph", None), LayerGraph)


def graph_of_module(module: nn.Module, input_size: object) -> LayerGraph:
    """A graph of an input layer and a torch module as its only other layer.

    ``input_size`` is (height, width, channels), or (height, width, depth, channels) for volumes.

    Raises:
        ArgumentError: ``input_size`` is no such size.
    """
    is_volume = isinstance(input_size, (list, tuple)) and len(input_size) == 4
    input_type = Image3dInputLayer if is_volume else ImageInputLayer
    data = input_type(cast(Sequence[int], input_size), normalization="none", name="input")
    return LayerGraph([data, ModuleLayer(module, name="module")])


def _value_text(value: object) -> str:
    # most likely the path of a saved graph
    if isinstance(value, str) or hasattr(value, "__fspath__"):
        return f"the text {value!r:.60}; a saved graph is read by layergraph.load(path)"
    return description(value)
