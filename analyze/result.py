"""The result of an analysis, as data: one row per layer, the issues, the totals, the costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from layergraph.analyze.sized_network import SizedNetwork, num_elements
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.sharing import shared_tensors
from layergraph.graph.size_inference import InferredSizes, TargetUsage
from layergraph.issues import Issue
from layergraph.layers.layer import Shape
from layergraph.sizes import Size
from layergraph.wording import quoted

if TYPE_CHECKING:
    from layergraph.analyze.costs.costs import NetworkCosts


class Activation(NamedTuple):
    """An output port and its size; ``size`` is ``None`` where an error upstream leaves it unknown."""

    port: str
    size: Size | None


@dataclass(frozen=True)
class LayerInfo:
    """One layer of a :class:`NetworkAnalysis`, a row of its table.

    Attributes:
        index: the position in the analyzer's order. It counts from 1, as in MATLAB's table.
        name, type, description: those of the layer.
        activations: port and size of each output; an output layer has one, the result of the network.
        learnables: the shape of each learnable by name, dimensions in MATLAB's order; ``None`` if unknown.
            A learnable that several layers share is listed at the first of them.
        states: the shape of each state by name, in the same way.
        assumed: whether the sizes are a guess: downstream of an error, they assume that it is fixed.
    """

    index: int
    name: str
    type: str
    description: str
    activations: tuple[Activation, ...]
    learnables: Mapping[str, Shape] | None
    states: Mapping[str, Shape] | None
    assumed: bool = False

    @property
    def num_learnables(self) -> int | None:
        """The number of learnable parameters; ``None`` if unknown."""
        return None if self.learnables is None else num_elements(self.learnables)


@dataclass(frozen=True, eq=False, repr=False)
class AnalysisResult:
    """The data of a :class:`NetworkAnalysis`, which adds the formats.

    Attributes:
        name: the title.
        target_usage: ``"train_network"`` or ``"network"``.
        analysis_date: the local time of the analysis.
    """

    name: str
    target_usage: TargetUsage
    analysis_date: datetime
    _network: SizedNetwork

    @property
    def lgraph(self) -> LayerGraph:
        """The graph that was analyzed."""
        return self._network.lgraph

    @property
    def inferred_sizes(self) -> InferredSizes:
        """The sizes at every layer, and the issues that keep the graph from running."""
        return self._network.inferred_sizes

    @cached_property
    def known_learnables(self) -> int:
        """The number of learnable parameters in the layers where errors leave it known."""
        return self._network.known_learnables

    @property
    def total_learnables(self) -> int | None:
        """The number of learnable parameters; ``None`` where errors leave it unknown."""
        return None if None in self._network.learnables.values() else self.known_learnables

    @cached_property
    def num_connections(self) -> int:
        """The number of connections."""
        # a connection has one destination, and may share its source with others
        return sum(len(self.lgraph.destinations(name)) for name in self.lgraph)

    @cached_property
    def issues(self) -> tuple[Issue, ...]:
        """All issues: errors, then warnings, then notes, each in the order of the layers."""
        # imported here: an analysis whose issues are not read needs none of the checks
        from layergraph.analyze.checks.catalog import findings
        from layergraph.analyze.checks.checked_graph import CheckedGraph

        return findings(CheckedGraph(self.lgraph, self.inferred_sizes, self.target_usage))

    @cached_property
    def layers(self) -> tuple[LayerInfo, ...]:
        """One row per layer, in the analyzer's order."""
        rows = []
        shared = shared_tensors(self.lgraph)
        for index, name in enumerate(self.lgraph.order, 1):
            layer, description = self.lgraph[name], self.lgraph[name].description
            if name in shared:
                owners = dict.fromkeys(owner.layer for owner in shared[name].values())
                description += f", shares weights with {', '.join(map(quoted, owners))}"
            ports = layer.output_names or ("out",)  # an output layer has no port, and still a result
            activations = tuple(map(Activation, ports, self.inferred_sizes.outputs[name]))
            learnables, states = self._network.learnables[name], self._network.states[name]
            rows.append(
                LayerInfo(
                    index,
                    name,
                    layer.type,
                    description,
                    activations,
                    learnables,
                    states,
                    # where a fault leaves only one size possible, that size is no guess
                    name in self.inferred_sizes.guesses,
                )
            )
        return tuple(rows)

    @property
    def num_layers(self) -> int:
        """The number of layers."""
        return len(self.lgraph)

    @property
    def num_errors(self) -> int:
        """The number of errors among the issues."""
        return sum(issue.severity == "error" for issue in self.issues)

    @property
    def num_warnings(self) -> int:
        """The number of warnings among the issues."""
        return sum(issue.severity == "warning" for issue in self.issues)

    @property
    def num_notes(self) -> int:
        """The number of notes among the issues."""
        return sum(issue.severity == "note" for issue in self.issues)

    @property
    def input_names(self) -> tuple[str, ...]:
        """The names of the input layers."""
        return self.lgraph.input_names

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the output (loss) layers."""
        return self.lgraph.output_names

    def costs(self, batch_size: int = 1, dtype: str = "float32") -> NetworkCosts:
        """Multiply-adds, memory and receptive fields, of each layer and in total.

        The first call computes them, by arithmetic; later calls return the same result.

        Args:
            batch_size: the number of observations in a batch.
            dtype: ``"float32"``, ``"float64"``, ``"float16"`` or ``"bfloat16"``, of weights and activations.

        Raises:
            ArgumentError: ``batch_size`` is below 1, or ``dtype`` is none of these.

        >>> from layergraph.analyze import analyze_network
        >>> from layergraph.builders import unet_layers
        >>> costs = analyze_network(unet_layers((480, 640, 3), 5, encoder_depth=3)).costs(batch_size=4)
        >>> costs.layers["Encoder-Stage-2-Conv-1"].receptive_field
        (10, 10)
        >>> print(str(costs).splitlines()[0])
        COSTS (batch of 4, float32)
        """
        # imported here: the table needs no costs
        from layergraph.analyze.costs.costs import network_costs

        # as text, because a torch.dtype is accepted too
        key = batch_size, str(dtype)
        if key not in self._costs:
            self._costs[key] = network_costs(self._network, batch_size, dtype)
        return self._costs[key]

    # by batch size and dtype; cached_property writes into __dict__, which a frozen dataclass allows
    @cached_property
    def _costs(self) -> dict[tuple[int, str], NetworkCosts]:
        return {}
