"""The graph that the checks examine, with its sizes and an index of its layers by type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes, TargetUsage, infer_sizes
from layergraph.layers import ModuleLayer
from layergraph.layers.layer import Layer
from layergraph.sizes import Size

L = TypeVar("L", bound=Layer)

# Each candidate for a fix is tested by size inference of the whole graph. The budget, in layers, bounds the
# search to some 0.15 s. In units of one layer: eight further inputs, and one 300th of a run of a torch
# module.
_BUDGET = 30_000
_PORTS_PER_LAYER = 8
_LAYERS_PER_MODULE = 300


class CheckedGraph:
    """A graph with its sizes and its purpose.

    Attributes:
        lgraph: the graph.
        inferred_sizes: its sizes, and the faults that keep it from running.
        target_usage: ``"train_network"`` or ``"network"``.
        blamed: the layers that an error names. Other checks leave them out: their arguments will change.
    """

    def __init__(self, lgraph: LayerGraph, inferred_sizes: InferredSizes, target_usage: TargetUsage) -> None:
        self.lgraph, self.inferred_sizes, self.target_usage = lgraph, inferred_sizes, target_usage
        self.blamed: frozenset[str] = frozenset()
        self._budget = _BUDGET

    @cached_property
    def _by_type(self) -> dict[type[Layer], list[Layer]]:
        by_type: dict[type[Layer], list[Layer]] = defaultdict(list)
        for layer in self.lgraph.layers:
            by_type[type(layer)].append(layer)
        return by_type

    @cached_property
    def position(self) -> dict[str, int]:
        """The position of each layer in the analyzer's order, from 0."""
        return {name: index for index, name in enumerate(self.lgraph.order)}

    def layers_of(self, *types: type[Any]) -> Iterator[Any]:
        """The layers of these classes, by class and then in the order in which they were added."""
        for cls, layers in self._by_type.items():
            if issubclass(cls, types):
                yield from layers

    def layers_with_argument(self, argument: str, default: object) -> Iterator[Any]:
        """The layers whose value of this argument is not the default."""
        for cls, layers in self._by_type.items():
            if argument in getattr(cls, "__dataclass_fields__", ()):
                yield from (layer for layer in layers if getattr(layer, argument) != default)

    def layers_with_input(self, port: str) -> Iterator[Layer]:
        """The layers with a special input of this name, such as ``"ref"``."""
        for cls, layers in self._by_type.items():
            if any(
                "input_names" in base.__dict__ for base in cls.__mro__[:-2]
            ):  # layers with one input inherit "in"
                yield from (layer for layer in layers if port in layer.input_names)

    def source(self, name: str, port: str = "in") -> End | None:
        """The output that feeds an input."""
        return self.lgraph.sources(name).get(port)

    def input_size(self, name: str, index: int = 0) -> Size | None:
        """The size of an input; ``None`` if it is unknown or a guess."""
        fed = self.lgraph.sources(name)
        if any(end.layer in self.inferred_sizes.guesses for end in fed.values()):
            return None
        given = self.inferred_sizes.inputs[name]
        return given[index] if index < len(given) else None

    def feeds_only(self, name: str, other: str) -> bool:
        """Whether ``other`` is the only destination of a layer."""
        return all(end.layer == other for _, end in self.lgraph.destinations(name))

    def image_size(self) -> tuple[int, ...] | None:
        """Height, width and channels of the input layer; ``None`` if there are several or none."""
        names = self.lgraph.input_names
        size = getattr(self.lgraph[names[0]], "input_size", None) if len(names) == 1 else None
        return tuple(size) if size is not None else None

    def chain_upstream(self, name: str, goes_on: Callable[[Layer], bool]) -> Iterator[Layer]:
        """The layers upstream along first inputs, up to the first for which ``goes_on`` is false,
        included."""
        while (fed := self.lgraph.sources(name)) and (first := fed.get(self.lgraph[name].input_names[0])):
            name = first.layer
            yield self.lgraph[name]
            if not goes_on(self.lgraph[name]):
                return

    @cached_property
    def _cost(self) -> int:
        """The cost of one size inference of the graph, in units of one layer."""
        ports = sum(len(layer.input_names) - 1 for layer in self.lgraph.layers if layer.input_names)
        modules = sum(1 for _ in self.layers_of(ModuleLayer))
        return len(self.lgraph) + ports // _PORTS_PER_LAYER + _LAYERS_PER_MODULE * modules

    def infer_sizes_of(self, lgraph: LayerGraph) -> InferredSizes | None:
        """The sizes of a candidate for a fix; ``None`` when the budget for candidates is spent."""
        self._budget -= self._cost
        return infer_sizes(lgraph, self.target_usage) if self._budget >= 0 else None
