"""An edit of a graph that is made and written down at the same time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers.layer import Layer


class Edit:
    """Steps on a graph; ``text`` is the same as Python on ``lgraph``, with the imports that it needs.

    Names stand in the text as Python literals, so that no name can become code.

    >>> from layergraph import LayerGraph, ReluLayer, SoftmaxLayer
    >>> edit = Edit(LayerGraph(ReluLayer(name="it's"))).add(SoftmaxLayer(name="softmax"))
    >>> print(edit.connect("it's", "softmax").text)
    from layergraph import SoftmaxLayer
    lgraph = lgraph.add_layers(SoftmaxLayer(name='softmax'))
    lgraph = lgraph.connect_layers("it's", 'softmax')
    """

    def __init__(self, lgraph: LayerGraph) -> None:
        self._lgraph = lgraph
        self._steps: list[Callable[[LayerGraph], LayerGraph]] = []
        self._imports: dict[str, None] = {}
        self._lines: list[str] = []

    @property
    def lgraph(self) -> LayerGraph:
        """The graph with the steps made; made only when it is asked for, since most are only shown."""
        for step in self._steps:
            self._lgraph = step(self._lgraph)
        self._steps = []
        return self._lgraph

    @property
    def text(self) -> str:
        """The edit as Python."""
        return "\n".join([*sorted(self._imports), *self._lines])

    def connect(self, source: str, destination: str) -> Edit:
        """``connect_layers``."""
        self._steps.append(lambda lgraph: lgraph.connect_layers(source, destination))
        return self._line(f"lgraph = lgraph.connect_layers({source!r}, {destination!r})")

    def disconnect(self, source: str, destination: str) -> Edit:
        """``disconnect_layers``."""
        self._steps.append(lambda lgraph: lgraph.disconnect_layers(source, destination))
        return self._line(f"lgraph = lgraph.disconnect_layers({source!r}, {destination!r})")

    def remove(self, names: Sequence[str]) -> Edit:
        """``remove_layers``."""
        written = repr(names[0]) if len(names) == 1 else repr(list(names))
        self._steps.append(lambda lgraph: lgraph.remove_layers(names))
        return self._line(f"lgraph = lgraph.remove_layers({written})")

    def add(self, layer: Layer) -> Edit:
        """``add_layers`` of a layer that can be written as it is."""
        self._import(f"from layergraph import {type(layer).__name__}")
        self._steps.append(lambda lgraph: lgraph.add_layers(layer))
        return self._line(f"lgraph = lgraph.add_layers({layer!r})")

    def bypass(self, name: str) -> Edit:
        """The layer removed, and what fed its input feeds what it fed."""
        sources, targets = self.lgraph.sources(name), self.lgraph.destinations(name)
        self.remove([name])
        for source in sources.values():
            for _, end in targets:
                self.connect(self.lgraph.output_text(source), self.lgraph.input_text(end))
        return self

    def insert(self, layer: Layer, destination: End, reference: End | None = None) -> Edit:
        """A layer between an input and what feeds it; ``reference`` feeds its second input, if it has one."""
        source = self.lgraph.output_text(self.lgraph.sources(destination.layer)[destination.port])
        target = self.lgraph.input_text(destination)
        first, *more = layer.input_names
        self.disconnect(source, target).add(layer)
        self.connect(source, f"{layer.name}/{first}" if more else layer.name)
        if reference is not None:
            self.connect(self.lgraph.output_text(reference), f"{layer.name}/{more[0]}")
        return self.connect(layer.name, target)

    def change(self, names: Sequence[str], **arguments: Any) -> Edit:
        """Other arguments for layers that are there; all else of them stays."""
        self._steps += [partial(_changed, name, arguments) for name in names]
        self._import("from dataclasses import replace")
        written = ", ".join(f"{argument}={value!r}" for argument, value in arguments.items())
        if len(names) == 1:
            name = repr(names[0])
            return self._line(f"lgraph = lgraph.replace_layer({name}, replace(lgraph[{name}], {written}))")
        self._line(f"for name in {list(names)!r}:")
        return self._line(f"    lgraph = lgraph.replace_layer(name, replace(lgraph[name], {written}))")

    def resize(self, input_size: Sequence[int]) -> Edit:
        """Another size at the input layer."""
        from layergraph.edits.input_size import with_input_size

        self._steps.append(lambda lgraph: with_input_size(lgraph, input_size))
        self._import("from layergraph.edits import with_input_size")
        return self._line(f"lgraph = with_input_size(lgraph, {tuple(input_size)!r})")

    def free_name(self, name: str) -> str:
        """The name, with a number if a layer has it."""
        number, found = 1, name
        while found in self.lgraph:
            number += 1
            found = f"{name}_{number}"
        return found

    def _import(self, line: str) -> None:
        self._imports[line] = None

    def _line(self, line: str) -> Edit:
        self._lines.append(line)
        return self


def _changed(name: str, arguments: Mapping[str, Any], lgraph: LayerGraph) -> LayerGraph:
    return lgraph.replace_layer(name, replace(lgraph[name], **arguments))
