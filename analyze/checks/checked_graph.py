"""What the checks look at: a graph with its sizes, sorted so that each check finds its layers at once."""

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

_TRIES = 30_000  # layers whose sizes are computed in search of a cure, in all; some 0.15 s

_PORTS = 8  # further inputs that take as long as a layer

_MODULE = 300  # running a torch module without data takes as long as this many layers


class CheckedGraph:
    """A graph, its sizes, and what it is for.

    Attributes:
        lgraph: the graph.
        inferred_sizes: its sizes and the facts that keep it from running.
        target_usage: ``"train_network"`` or ``"network"``.
        blamed: layers that an error already tells to change.
    """

    def __init__(self, lgraph: LayerGraph, inferred_sizes: InferredSizes, target_usage: TargetUsage) -> None:
        self.lgraph, self.inferred_sizes, self.target_usage = lgraph, inferred_sizes, target_usage
        self.blamed: frozenset[str] = frozenset()
        self._left = _TRIES

    @cached_property
    def _by_type(self) -> dict[type[Layer], list[Layer]]:
        found: dict[type[Layer], list[Layer]] = defaultdict(list)
        for layer in self.lgraph.layers:
            found[type(layer)].append(layer)
        return found

    @cached_property
    def position(self) -> dict[str, int]:
        """For each layer its place in the analyzer's order."""
        return {name: index for index, name in enumerate(self.lgraph.order)}

    def layers_of(self, *types: type[Any]) -> Iterator[Any]:
        """The layers of these classes, each class in the order in which its layers were added."""
        for cls, layers in self._by_type.items():
            if issubclass(cls, types):
                yield from layers

    def layers_with_argument(self, argument: str, default: object) -> Iterator[Any]:
        """The layers that have this argument with another value than the default."""
        for cls, layers in self._by_type.items():
            if argument in getattr(cls, "__dataclass_fields__", ()):
                yield from (layer for layer in layers if getattr(layer, argument) != default)

    def layers_with_input(self, port: str) -> Iterator[Layer]:
        """The layers with several inputs of which one has this name."""
        for cls, layers in self._by_type.items():
            if any("input_names" in base.__dict__ for base in cls.__mro__[:-2]):  # not Layer's own
                yield from (layer for layer in layers if port in layer.input_names)

    def source(self, name: str, port: str = "in") -> End | None:
        """What feeds an input."""
        return self.lgraph.sources(name).get(port)

    def input_size(self, name: str, index: int = 0) -> Size | None:
        """The size of an input; ``None`` where it is unknown or only guessed."""
        fed = self.lgraph.sources(name)
        if any(end.layer in self.inferred_sizes.guesses for end in fed.values()):
            return None
        given = self.inferred_sizes.inputs[name]
        return given[index] if index < len(given) else None

    def feeds_only(self, name: str, other: str) -> bool:
        """Whether all that a layer gives goes to one other layer."""
        return all(end.layer == other for _, end in self.lgraph.destinations(name))

    def image_size(self) -> tuple[int, ...] | None:
        """Height, width and channels of the one input layer."""
        names = self.lgraph.input_names
        size = getattr(self.lgraph[names[0]], "input_size", None) if len(names) == 1 else None
        return tuple(size) if size is not None else None

    def chain_upstream(self, name: str, goes_on: Callable[[Layer], bool]) -> Iterator[Layer]:
        """The layers before one, first inputs first, as far as ``goes_on`` says; the last it refuses."""
        while (fed := self.lgraph.sources(name)) and (first := fed.get(self.lgraph[name].input_names[0])):
            name = first.layer
            yield self.lgraph[name]
            if not goes_on(self.lgraph[name]):
                return

    @cached_property
    def _cost(self) -> int:
        """Layers, ports and torch modules that one more try goes through."""
        ports = sum(len(layer.input_names) - 1 for layer in self.lgraph.layers if layer.input_names)
        return len(self.lgraph) + ports // _PORTS + _MODULE * sum(1 for _ in self.layers_of(ModuleLayer))

    def infer_sizes_of(self, lgraph: LayerGraph) -> InferredSizes | None:
        """The sizes of a graph that might be mended; ``None`` when too much has been tried."""
        self._left -= self._cost
        return infer_sizes(lgraph, self.target_usage) if self._left >= 0 else None
