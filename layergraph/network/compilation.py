"""From a layer graph to a network: a torch module for each layer, with the weights attached to it."""

from __future__ import annotations

from math import prod
from typing import Any, TypeVar

from torch import nn

from layergraph.errors import InvalidNetworkError
from layergraph.graph.graph import Graph
from layergraph.graph.sharing import contradictions
from layergraph.graph.size_inference import InferredSizes, infer_sizes
from layergraph.issues import Issue
from layergraph.layers import ModuleLayer
from layergraph.network.dtypes import common_dtype, load_weights
from layergraph.network.network import MultiInputNetwork, Network
from layergraph.sizes import LARGEST

G = TypeVar("G", bound=Graph)


def compile_graph(lgraph: G) -> Network[G]:
    """See :meth:`layergraph.LayerGraph.compile`."""
    found = infer_sizes(lgraph, "network")
    errors = found.errors
    if errors or not len(lgraph):
        raise InvalidNetworkError(errors)
    dtype, mixed = common_dtype(lgraph)
    errors += [*contradictions(lgraph), *mixed]
    modules = {}
    memo: dict[int, Any] = {}  # of copies: torch modules share what they shared
    for name in lgraph.order:
        layer = lgraph[name]
        sizes = [size for size in found.inputs[name] if size is not None]
        if any(prod(shape) > LARGEST for shape in layer.learnables(sizes).values()):
            text = "its learnables have more than 2^63 - 1 elements, which no tensor can hold"
            errors.append(
                Issue("LG-TOO-LARGE", "error", name, "", text, "use fewer outputs or smaller images")
            )
            continue
        try:
            if isinstance(layer, ModuleLayer):
                module: nn.Module = layer.torch_module(sizes, memo)
            else:
                module = layer.torch_module(sizes)
        except (RuntimeError, MemoryError, OverflowError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            advice = "its weights may not fit into memory"
            errors.append(Issue("LG-MODULE", "error", name, "", f"no module can be made: {reason}", advice))
            continue
        if layer.weights is not None:
            try:
                load_weights(module, layer.weights)
            except RuntimeError as error:
                reason = "; ".join(line.strip() for line in str(error).splitlines()[1:])
                advice = f"with_weights({{{name!r}: None}}) takes the weights off"
                errors.append(
                    Issue("LG-WEIGHTS", "error", name, "", f"its weights do not fit: {reason}", advice)
                )
        elif dtype is not None:
            module.to(dtype)
        modules[name] = module
    if errors:
        raise InvalidNetworkError(errors)
    bare = lgraph.with_weights({name: None for name in lgraph if lgraph[name].weights is not None})
    net = (Network if len(lgraph.input_names) == 1 else MultiInputNetwork)(bare, modules)
    return net.eval() if _is_trained(lgraph, found) else net


def _is_trained(lgraph: Graph, found: InferredSizes) -> bool:
    """Whether weights are attached to every layer that learns, and some layer does."""
    learning = [
        layer
        for layer in lgraph.layers
        if layer.learnables([size for size in found.inputs[layer.name] if size is not None])
    ]
    return bool(learning) and all(layer.weights is not None for layer in learning)
