"""The result of an analysis, as data: a row per layer, the findings, the totals, the costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from layergraph.analyze.sized_network import SizedNetwork, count
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
    """What one output port carries; ``size`` is ``None`` where an error before leaves it unknown."""

    port: str
    size: Size | None


@dataclass(frozen=True)
class LayerInfo:
    """One row of the analysis.

    Attributes:
        index: the place in the analyzer's order, from 1.
        name, type, description: as the layer says them.
        activations: port and size of each output; an output layer has one, what the network returns.
        learnables: size of each learnable by name, dimensions in MATLAB's order; ``None`` if unknown. Of
            torch modules that layers share, those that no layer before has.
        states: size of each state by name, the same way.
        assumed: whether the sizes rest on a guess: behind a fault they go on as if it were mended.
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
        """How many numbers training learns here; ``None`` if unknown."""
        return None if self.learnables is None else count(self.learnables)


@dataclass(frozen=True, eq=False, repr=False)
class AnalysisResult:
    """The result of an analysis, as data.

    Attributes:
        name: the title it was given.
        target_usage: ``"train_network"`` or ``"network"``.
        analysis_date: when it was made, in local time.
        network: the graph with the sizes of its layers.
    """

    name: str
    target_usage: TargetUsage
    analysis_date: datetime
    network: SizedNetwork

    @property
    def lgraph(self) -> LayerGraph:
        """The graph that was analyzed."""
        return self.network.lgraph

    @property
    def inferred_sizes(self) -> InferredSizes:
        """The sizes at every layer, and what keeps the graph from running."""
        return self.network.inferred_sizes

    @cached_property
    def known_learnables(self) -> int:
        """How many of the numbers that training learns could be counted in spite of errors."""
        return self.network.known_learnables

    @property
    def total_learnables(self) -> int | None:
        """How many numbers training learns; ``None`` where errors leave it unknown."""
        return None if None in self.network.learnables.values() else self.known_learnables

    @cached_property
    def num_connections(self) -> int:
        """How many connections the graph has."""
        return sum(len(self.lgraph.destinations(name)) for name in self.lgraph)

    @cached_property
    def issues(self) -> tuple[Issue, ...]:
        """All that was found: errors, then warnings, then notes, each in the order of the layers."""
        # imported here: the sizes do without
        from layergraph.analyze.checks.catalogue import findings
        from layergraph.analyze.checks.checked_graph import CheckedGraph

        return findings(CheckedGraph(self.lgraph, self.inferred_sizes, self.target_usage))

    @cached_property
    def layers(self) -> tuple[LayerInfo, ...]:
        """One row a layer, in the analyzer's order."""
        rows = []
        shared = shared_tensors(self.lgraph)
        for index, name in enumerate(self.lgraph.order, 1):
            layer, description = self.lgraph[name], self.lgraph[name].description
            if name in shared:
                owners = dict.fromkeys(owner.layer for owner in shared[name].values())
                description += f", shares weights with {', '.join(map(quoted, owners))}"
            ports = layer.output_names or ("out",)
            activations = tuple(map(Activation, ports, self.inferred_sizes.outputs[name]))
            learnables, states = self.network.learnables[name], self.network.states[name]
            rows.append(
                LayerInfo(
                    index,
                    name,
                    layer.type,
                    description,
                    activations,
                    learnables,
                    states,
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
        """How many of the issues are errors."""
        return sum(issue.severity == "error" for issue in self.issues)

    @property
    def num_warnings(self) -> int:
        """How many of the issues are warnings."""
        return sum(issue.severity == "warning" for issue in self.issues)

    @property
    def num_hints(self) -> int:
        """How many of the issues are notes."""
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
        """What the network costs: multiply-adds, memory, receptive fields; of each layer and in total.

        Computed when first asked for, by arithmetic; kept for the next time.

        Args:
            batch_size: observations in a batch.
            dtype: ``"float32"``, ``"float64"``, ``"float16"`` or ``"bfloat16"``, of weights and activations.

        Raises:
            ArgumentError: another dtype, or no batch size.

        >>> from layergraph.analyze import analyze_network
        >>> from layergraph.builders import unet_layers
        >>> costs = analyze_network(unet_layers((480, 640, 3), 5, encoder_depth=3)[0]).costs(batch_size=4)
        >>> costs.layers["Encoder-Stage-2-Conv-1"].receptive_field
        (10, 10)
        >>> print(str(costs).splitlines()[0])
        COSTS (batch of 4, float32)
        """
        # imported here: the table does without
        from layergraph.analyze.costs.costs import network_costs

        key = batch_size, str(dtype)
        if key not in self._costs:
            self._costs[key] = network_costs(self.network, batch_size, dtype)
        return self._costs[key]

    @cached_property
    def _costs(self) -> dict[tuple[int, str], NetworkCosts]:
        return {}
