"""The differences between two networks, as data; :class:`Comparison` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from layergraph.analyze.comparison.find_differences import LayerComparison
from layergraph.analyze.result import AnalysisResult
from layergraph.issues import Issue


class Total(NamedTuple):
    """A total of both networks; ``None`` if errors leave it unknown."""

    before: int | None
    after: int | None


# eq=False keeps the hash by identity; a hash of the fields would raise, as one holds a dict
@dataclass(frozen=True, eq=False, repr=False)
class Differences:
    """The differences between two networks.

    Attributes:
        before, after: the analyses of both networks.
        layers: every layer of both, aligned, in the analyzer's order.
        appeared, gone: the issues of ``after`` alone, and those of ``before`` alone.
    """

    before: AnalysisResult
    after: AnalysisResult
    layers: tuple[LayerComparison, ...]
    appeared: tuple[Issue, ...]
    gone: tuple[Issue, ...]
    _names: Mapping[str, str] = field(repr=False)

    # -- differences --------------------------------------------------------------------------

    @property
    def is_equal(self) -> bool:
        """Whether layers, arguments, connections, weights, and the order of inputs and outputs are equal."""
        # another order of inputs counts too: the same call would feed its images to other layers
        return all(row.status == "equal" for row in self.layers) and not self.reordered

    @property
    def added(self) -> tuple[str, ...]:
        """The layers that only ``after`` has."""
        return self._with("added")

    @property
    def removed(self) -> tuple[str, ...]:
        """The layers that only ``before`` has."""
        return self._with("removed")

    @property
    def renamed(self) -> dict[str, str]:
        """Maps the old name of each renamed layer to its new name."""
        return {old: new for old, new in self._names.items() if old != new}

    @property
    def changed(self) -> tuple[str, ...]:
        """The layers with another type or other arguments, by their new names."""
        # not by status, which names only the first difference of a layer
        return tuple(row.name for row in self.layers if row.arguments or row.is_retyped)

    @property
    def rewired(self) -> tuple[str, ...]:
        """The layers of both networks with an input that another output feeds."""
        return tuple(row.name for row in self.layers if row.rewired)

    @property
    def resized(self) -> tuple[str, ...]:
        """The layers of both networks with an output of another size."""
        return tuple(row.name for row in self.layers if row.sizes)

    @property
    def reweighted(self) -> tuple[str, ...]:
        """The layers of both networks whose weights were attached, detached or changed."""
        return tuple(row.name for row in self.layers if row.weights)

    @cached_property
    def reordered(self) -> tuple[Literal["inputs", "outputs"], ...]:
        """``"inputs"`` or ``"outputs"`` if a call takes or returns them in another order."""
        reordered: list[Literal["inputs", "outputs"]] = []
        for side in ("inputs", "outputs"):
            attribute = "input_names" if side == "inputs" else "output_names"
            before: tuple[str, ...] = getattr(self.before, attribute)
            after: tuple[str, ...] = getattr(self.after, attribute)
            # an added or removed input is reported as a layer, not as another order
            common = [self._names[name] for name in before if self._names.get(name) in after]
            if common != [name for name in after if name in common]:
                reordered.append(side)
        return tuple(reordered)

    def totals(self, batch_size: int = 1, dtype: str = "float32") -> dict[str, Total]:
        """Layers, connections, learnables and costs of both networks, by name; bytes are for this batch.

        See :meth:`NetworkAnalysis.costs`; if errors leave layers unknown, multiply-adds and bytes in training
        are lower bounds.
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
