"""A fix of a graph as one chain of edits, which can be made or printed."""

from __future__ import annotations

from collections.abc import Sequence
from operator import methodcaller
from typing import Any, Literal

from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers.layer import Layer

_Method = Literal["add_layers", "change_layer", "connect_layers", "disconnect_layers", "insert_before",
                  "remove_layers"]  # fmt: skip


class Edit:
    """A chain of calls on a graph; ``text`` is the same chain as one line of Python on ``lgraph``.

    Graph and text come from the same calls, so that they cannot differ. Names are Python literals in the
    text, so that no name can become code.

    >>> from layergraph import LayerGraph, ReluLayer, SoftmaxLayer
    >>> edit = Edit(LayerGraph(ReluLayer(name="it's"))).add(SoftmaxLayer(name="softmax"))
    >>> print(edit.connect("it's", "softmax").text.replace("; ", "\\n"))
    from layergraph import SoftmaxLayer
    lgraph = lgraph.add_layers(SoftmaxLayer(name='softmax')).connect_layers("it's", 'softmax')
    """

    def __init__(self, lgraph: LayerGraph) -> None:
        self._lgraph = lgraph
        self._calls: list[methodcaller] = []
        self._types: set[str] = set()
        self._chain = ""

    @property
    def lgraph(self) -> LayerGraph:
        """The edited graph; it is made when first asked for, since most edits are only printed."""
        for call in self._calls:
            self._lgraph = call(self._lgraph)
        self._calls = []
        return self._lgraph

    @property
    def text(self) -> str:
        """The edit as Python; empty without calls."""
        imports = f"from layergraph import {', '.join(sorted(self._types))}; " if self._types else ""
        return f"{imports}lgraph = lgraph{self._chain}" if self._chain else ""

    def connect(self, source: str, destination: str) -> Edit:
        """``connect_layers``."""
        return self._call("connect_layers", source, destination)

    def disconnect(self, source: str, destination: str) -> Edit:
        """``disconnect_layers``."""
        return self._call("disconnect_layers", source, destination)

    def remove(self, names: Sequence[str], **options: bool) -> Edit:
        """``remove_layers``."""
        return self._call("remove_layers", _one_or_all(names), **options)

    def add(self, *layers: Layer) -> Edit:
        """``add_layers`` of layers whose ``repr`` makes them again."""
        self._types.update(type(layer).__name__ for layer in layers)
        return self._call("add_layers", _one_or_all(layers))

    def insert(self, layer: Layer, destination: End, reference: End | None = None) -> Edit:
        """A layer between an input and its source; ``reference`` feeds its second input, if it has one."""
        target = self.lgraph.input_text(destination)
        if reference is None:
            self._types.add(type(layer).__name__)
            return self._call("insert_before", target, layer)
        # insert_before takes layers with one input only
        source = self.lgraph.output_text(self.lgraph.sources(destination.layer)[destination.port])
        first, second = layer.input_names
        self.disconnect(source, target).add(layer).connect(source, f"{layer.name}/{first}")
        self.connect(self.lgraph.output_text(reference), f"{layer.name}/{second}")
        return self.connect(layer.name, target)

    def change(self, names: Sequence[str], **arguments: Any) -> Edit:
        """``change_layer``."""
        return self._call("change_layer", _one_or_all(names), **arguments)

    def free_name(self, name: str) -> str:
        """The name, with a number if a layer has it."""
        number, free = 1, name
        while free in self.lgraph:
            number += 1
            free = f"{name}_{number}"
        return free

    def _call(self, method: _Method, *arguments: Any, **options: Any) -> Edit:
        texts = [*map(repr, arguments), *(f"{name}={value!r}" for name, value in options.items())]
        self._calls.append(methodcaller(method, *arguments, **options))
        self._chain += f".{method}({', '.join(texts)})"
        return self


def _one_or_all(items: Sequence[Any]) -> Any:
    return items[0] if len(items) == 1 else list(items)
