"""The differences of two networks, as data; :class:`Comparison` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from layergraph.analyze.comparison.find_differences import LayerComparison
from layergraph.analyze.result import AnalysisResult
from layergraph.issues import Issue


class Total(NamedTuple):
    """A figure of the whole network before and after; ``None`` where errors leave it unknown."""

    before: int | None
    after: int | None


@dataclass(frozen=True, eq=False, repr=False)
class Differences:
    """The differences of two networks, as :func:`compare` finds them.

    Attributes:
        before, after: the analyses of both networks.
        layers: every layer of both, aligned, in the analyzer's order.
        appeared, gone: the issues that only one side has.
    """

    before: AnalysisResult
    after: AnalysisResult
    layers: tuple[LayerComparison, ...]
    appeared: tuple[Issue, ...]
    gone: tuple[Issue, ...]
    _names: Mapping[str, str] = field(repr=False)

    # -- what differs --------------------------------------------------------------------------

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs: layers, arguments, connections, order of inputs and outputs, weights."""
        return all(row.status == "equal" for row in self.layers) and not self.reordered

    @property
    def added(self) -> tuple[str, ...]:
        """The layers that are new."""
        return self._with("added")

    @property
    def removed(self) -> tuple[str, ...]:
        """The layers that are gone."""
        return self._with("removed")

    @property
    def renamed(self) -> dict[str, str]:
        """The layers that have another name, in their old place: old name to new name."""
        return {old: new for old, new in self._names.items() if old != new}

    @property
    def changed(self) -> tuple[str, ...]:
        """The layers of another type or with other arguments, by their name after."""
        return tuple(row.name for row in self.layers if row.arguments or row.retyped)

    @property
    def rewired(self) -> tuple[str, ...]:
        """The layers, on both sides, with an input that something else feeds."""
        return tuple(row.name for row in self.layers if row.rewired)

    @property
    def resized(self) -> tuple[str, ...]:
        """The layers, on both sides, with an output of another size."""
        return tuple(row.name for row in self.layers if row.sizes)

    @property
    def reweighted(self) -> tuple[str, ...]:
        """The layers, on both sides, whose weights came, went or have other values."""
        return tuple(row.name for row in self.layers if row.weights)

    @cached_property
    def reordered(self) -> tuple[Literal["inputs", "outputs"], ...]:
        """``"inputs"`` or ``"outputs"`` where a call takes or returns the same ones in another order."""
        found: list[Literal["inputs", "outputs"]] = []
        for what in ("inputs", "outputs"):
            attribute = "input_names" if what == "inputs" else "output_names"
            before: tuple[str, ...] = getattr(self.before, attribute)
            after: tuple[str, ...] = getattr(self.after, attribute)
            kept = [self._names[name] for name in before if self._names.get(name) in after]
            if kept != [name for name in after if name in kept]:
                found.append(what)
        return tuple(found)

    def totals(self, batch_size: int = 1, dtype: str = "float32") -> dict[str, Total]:
        """Layers, connections, learnables and costs of both, by name; bytes are those of this batch.

        See :meth:`NetworkAnalysis.costs`; where errors leave layers unknown, multiply-adds and bytes in
        training are the least they can be.
        """
        sides = [self.before, self.after]
        costs = [analysis.costs(batch_size, dtype) for analysis in sides]
        return {
            "layers": Total(*(analysis.num_layers for analysis in sides)),
            "connections": Total(*(analysis.num_connections for analysis in sides)),
            "learnables": Total(*(analysis.total_learnables for analysis in sides)),
            "multiply_adds": Total(*(cost.multiply_adds for cost in costs)),
            "activation_bytes_training": Total(*(cost.activation_bytes_training for cost in costs)),
            "peak_bytes_inference": Total(*(cost.peak_bytes_inference for cost in costs)),
        }

    def _with(self, status: str) -> tuple[str, ...]:
        return tuple(row.name for row in self.layers if row.status == status)
