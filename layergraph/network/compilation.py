"""Compilation of a layer graph: a torch module for each layer, with the weights attached to it."""

from __future__ import annotations

from math import prod
from typing import Any, TypeVar

from torch import nn

from layergraph.errors import InvalidNetworkError
from layergraph.graph.graph import Graph
from layergraph.graph.sharing import contradictions
from layergraph.graph.size_inference import InferredSizes, infer_sizes
from layergraph.issues import Issue
from layergraph.layers import Layer, ModuleLayer
from layergraph.network.dtypes import common_dtype, load_weights
from layergraph.network.network import MultiInputNetwork, Network
from layergraph.sizes import MAX_SIZE, Size

G = TypeVar("G", bound=Graph)


def compile_graph(lgraph: G) -> Network[G]:
    """See :meth:`layergraph.LayerGraph.compile`."""
    # 1. no modules without sizes: a layer with faulty inputs has no shape for its weights
    sizes = infer_sizes(lgraph, "network")
    errors = sizes.errors
    if errors or not len(lgraph):
        raise InvalidNetworkError(errors)
    # 2. all modules, so that the errors of all layers are reported at once
    dtype, dtype_issues = common_dtype(lgraph)
    errors += [*contradictions(lgraph), *dtype_issues]
    modules = {}
    copies: dict[int, Any] = {}  # deepcopy's memo: parts that two of the user's modules share stay shared
    for name in lgraph.order:
        layer = lgraph[name]
        module = _make_module(layer, _known_inputs(sizes, name), copies)
        if isinstance(module, Issue):
            errors.append(module)
            continue
        if layer.weights is not None:
            try:
                load_weights(module, layer.weights)
            except RuntimeError as error:
                reason = "; ".join(line.strip() for line in str(error).splitlines()[1:])
                advice = f"with_weights({{{name!r}: None}}) removes its weights"
                errors.append(
                    Issue("LG-WEIGHTS", "error", name, "", f"its weights do not fit: {reason}", advice)
                )
        elif dtype is not None:
            module.to(dtype)
        modules[name] = module
    if errors:
        raise InvalidNetworkError(errors)
    # 3. the network's graph holds no weights: training changes those of the modules
    bare = lgraph.with_weights({name: None for name in lgraph if lgraph[name].weights is not None})
    net = (Network if len(lgraph.input_names) == 1 else MultiInputNetwork)(bare, modules)
    return net.eval() if _is_trained(lgraph, sizes) else net


def _make_module(layer: Layer, inputs: list[Size], copies: dict[int, Any]) -> nn.Module | Issue:
    """Make the torch module of a layer, or the issue why that is impossible."""
    # torch overflows or asks for exabytes where a size is beyond 64 bits
    if any(prod(shape) > MAX_SIZE for shape in layer.learnables(inputs).values()):
        text = "its learnables have more than 2^63 - 1 elements, which no tensor can hold"
        advice = "use fewer outputs or smaller images"
        return Issue("LG-TOO-LARGE", "error", layer.name, "", text, advice)
    try:
        options = {"memo": copies} if isinstance(layer, ModuleLayer) else {}
        module: nn.Module = layer.torch_module(inputs, **options)
        return module
    except (RuntimeError, MemoryError, OverflowError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        text, advice = f"no module can be made: {reason}", "its weights may not fit into memory"
        return Issue("LG-MODULE", "error", layer.name, "", text, advice)


def _known_inputs(sizes: InferredSizes, name: str) -> list[Size]:
    return [size for size in sizes.inputs[name] if size is not None]


def _is_trained(lgraph: Graph, sizes: InferredSizes) -> bool:
    """Whether weights are attached to every layer with learnables, and there is one."""
    learning = [layer for layer in lgraph.layers if layer.learnables(_known_inputs(sizes, layer.name))]
    return bool(learning) and all(layer.weights is not None for layer in learning)
