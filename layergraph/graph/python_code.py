"""The Python code that rebuilds a graph, for people to read, edit and keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, fields

from layergraph.errors import LayergraphError
from layergraph.graph.graph import Graph
from layergraph.layers import LAYER_TYPES
from layergraph.layers.fields import converters
from layergraph.layers.layer import Layer
from layergraph.wording import quoted

_OF_CODE = ("module", "function")  # fields whose values are code of the user


def python_code(lgraph: Graph) -> str:
    """See :meth:`layergraph.LayerGraph.to_python`."""
    given = [layer.name for layer in lgraph.layers if _needs_code(layer)]
    kinds = {type(layer).__name__ for layer in lgraph.layers if _is_known(layer)}
    lines = ["# Weights are not part of this code: lgraph.save(path) writes them, and load(path) reads them."]
    if given:
        names = ", ".join(map(repr, given))
        lines += [f"# It needs a dictionary, modules, with the modules, functions and layers of: {names}"]
    lines += [f"from layergraph import {', '.join(sorted({*kinds, 'LayerGraph'}))}", "", "layers = ["]
    lines += [*(f"    {_call(layer)}," for layer in lgraph.layers), "]"]
    # layers alone are connected in series
    in_series = [(a, b) for a, b in zip(lgraph, [*lgraph][1:], strict=False)]
    if [*map(tuple, lgraph.connections)] == in_series:
        return "\n".join([*lines, "lgraph = LayerGraph(layers)"]) + "\n"
    pairs = (f"    ({source!r}, {destination!r})," for source, destination in lgraph.connections)
    return (
        "\n".join([*lines, "connections = [", *pairs, "]", "lgraph = LayerGraph(layers, connections)"]) + "\n"
    )


def _is_known(layer: Layer) -> bool:
    return LAYER_TYPES.get(type(layer).__name__) is type(layer)


def _needs_code(layer: Layer) -> bool:
    return not _is_known(layer) or any(hasattr(layer, name) for name in _OF_CODE)


def _call(layer: Layer) -> str:
    """The call that makes a layer; every text is a literal, so that no name becomes code."""
    if not _is_known(layer):
        return f"modules[{layer.name!r}]"
    return f"{type(layer).__name__}({', '.join(_arguments(layer))})"


def _arguments(layer: Layer) -> Iterator[str]:
    normal = dict(converters(type(layer)))  # type: ignore[arg-type]
    # a stable sort: positional arguments come first, and the name last
    for item in sorted(fields(layer), key=lambda item: (item.kw_only is True, item.name == "name")):
        value, default = getattr(layer, item.name), item.default
        if default is not MISSING and item.name in normal:
            default = normal[item.name](layer, item.name, default)  # stride=1 is stored as (1, 1)
        if item.name == "weights" or (default is not MISSING and value == default):
            continue
        if item.name in _OF_CODE:
            text = f"modules[{layer.name!r}]"
        elif callable(value):
            raise LayergraphError(
                f"to_python: {item.name} of layer {quoted(layer.name)} must be no Python function, which "
                f"a literal cannot hold; change_layer({layer.name!r}, {item.name}='glorot') replaces it"
            )
        else:
            text = repr(value)
        yield f"{item.name}={text}" if item.kw_only else text
