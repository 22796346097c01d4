"""Names of layers for the nodes and values of an ONNX model."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from layergraph.export.subject import DIMENSIONS, Subject

_SCOPES = "pkg.torch.onnx.name_scopes"  # where torch notes the module that a node comes from


def name_after_layers(model: Any, subject: Subject) -> None:
    """Give the nodes of a model the names of their layers.

    A layer's name is that of the node that computes its output. Other nodes of the layer are
    ``layer/Operation``, its weights ``layer/weight``, and nodes of no layer, which compute sizes, begin with
    ``/``. No layer name has a slash, so all of them differ. Inputs and outputs of the model have the names of
    their layers.
    """
    graph = model.graph
    layers = {key: name for name, key in subject.keys.items()}
    owners = [_layer(node, layers) for node in graph.node]
    names = _Names()
    values: dict[str, str] = {}
    for value, name in zip(graph.input, subject.lgraph.input_names, strict=True):
        values[value.name] = names.free(name)
    for value, name in zip(graph.output, subject.result_names, strict=True):
        values.setdefault(value.name, names.free(name))
    for tensor in graph.initializer:
        layer, dot, parameter = _split(tensor.name, layers)
        values[tensor.name] = names.free(f"{layer}/{parameter}" if dot else f"/{tensor.name}")
    nodes, main = _Names(), _main_nodes(graph, owners)
    for index, (node, owner) in enumerate(zip(graph.node, owners, strict=True)):
        short = f"{owner}/{node.op_type}" if owner else f"/{node.op_type}"
        node.name = nodes.free(owner if main.get(owner) == index else short)
        for position, output in enumerate(node.output):
            if output and output not in values:
                values[output] = names.free(node.name if position == 0 else f"{node.name}/{position}")
    _rename(graph, values)
    _name_dimensions(graph)


class _Names:
    """Names of which no two are equal."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def free(self, name: str) -> str:
        unique = name
        while unique in self._taken:
            self._next[name] = self._next.get(name, 1) + 1
            unique = f"{name}/{self._next[name]}"
        self._taken.add(unique)
        return unique


def _layer(node: Any, layers: Mapping[str, str]) -> str:
    """The layer that a node belongs to, or an empty text."""
    text = next((item.value for item in node.metadata_props if item.key == _SCOPES), "[]")
    return next((layers[scope] for scope in ast.literal_eval(text) if scope in layers), "")


def _split(tensor: str, layers: Mapping[str, str]) -> tuple[str, str, str]:
    """The layer of a tensor of the state dict, a dot, and its name in the layer; else three empty texts."""
    # the longest key first: a layer may be called "b" and another one "b.c"
    parts = tensor.split(".")
    for count in range(len(parts) - 1, 0, -1):
        if (key := ".".join(parts[:count])) in layers:
            return layers[key], ".", ".".join(parts[count:])
    return "", "", ""


def _main_nodes(graph: Any, owners: list[str]) -> dict[str, int]:
    """For each layer the index of the first node whose result leaves the layer."""
    producers = {output: i for i, node in enumerate(graph.node) for output in node.output}
    leaving = {producers[value.name] for value in graph.output if value.name in producers}
    for index, node in enumerate(graph.node):
        sources = (producers[name] for name in node.input if name in producers)
        # the same constant in several layers is one node, which is the result of none
        leaving.update(
            source for source in sources if owners[source] != owners[index] and graph.node[source].input
        )
    main: dict[str, int] = {}
    for index in sorted(leaving):
        main.setdefault(owners[index], index)
    main.pop("", None)
    return main


def _rename(graph: Any, values: Mapping[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [values.get(name, name) for name in node.input]
        node.output[:] = [values.get(name, name) for name in node.output]
        for attribute in node.attribute:
            # a body of a loop or branch reads values of the graph around it
            for body in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                _rename(body, values)
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = values.get(value.name, value.name)


def _name_dimensions(graph: Any) -> None:
    """Name the open numbers of the inputs, and those that are computed from them, as ``height // 2``."""
    words, symbols = _Names(), dict[str, str]()
    for value in graph.input:
        for word, dimension in zip(DIMENSIONS, value.type.tensor_type.shape.dim, strict=False):
            # two inputs that must have one size have one symbol
            if dimension.dim_param and dimension.dim_param not in symbols:
                symbols[dimension.dim_param] = words.free(word).replace("/", "_")
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                text = re.sub(r"\w+", lambda match: symbols.get(match[0], match[0]), dimension.dim_param)
                dimension.dim_param = text
