"""What an edit, or another argument of a builder, changed: layer by layer, and in total."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from layergraph.analyze.analysis import NetworkAnalysis, analysis_of
from layergraph.analyze.comparison.differences import Attached, LayerComparison, aligned, new_issues
from layergraph.analyze.comparison.matching import matched
from layergraph.graph import LayerGraph
from layergraph.issues import Issue
from layergraph.layers.layer import Layer
from layergraph.propagation import TargetUsage

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

    from layergraph.network import Network


class Total(NamedTuple):
    """A figure of the whole network before and after; ``None`` where errors leave it unknown."""

    before: int | None
    after: int | None


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What :func:`compare` found; ``print`` shows it, in colours with :meth:`show`, notebooks show it too.

    Attributes:
        before, after: the analyses of both networks.
        layers: every layer of both, aligned, in the analyzer's order.
        appeared, gone: the issues that only one side has.
    """

    before: NetworkAnalysis
    after: NetworkAnalysis
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

    # -- to read -------------------------------------------------------------------------------

    def __repr__(self) -> str:
        from layergraph.analyze.comparison.text import summary

        return f"Comparison({summary(self)})"

    def __str__(self) -> str:
        """What differs, as text: the layers that were edited in full, and what follows from it in short."""
        return self.to_text(most=8)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        from layergraph.analyze.comparison.text import lines
        from layergraph.analyze.table.grid import coloured

        yield coloured(lines(self, most=8))

    def _repr_html_(self) -> str:
        from layergraph.analyze.comparison.page import fragment

        return fragment(self)

    def show(self) -> None:
        """Print it, in colour where the terminal has colours; plain to a file or pipe."""
        from layergraph.analyze.table.grid import show

        show(self)

    def to_text(self, most: int | None = None) -> str:
        """What differs, as plain text; at most so many of the layers that merely have another size.

        >>> from layergraph import LayerGraph, ImageInputLayer, ReluLayer, SigmoidLayer
        >>> lgraph = LayerGraph([ImageInputLayer((8, 8, 1), name="data"), ReluLayer(name="act")])
        >>> comparison = compare(lgraph, lgraph.replace_layer("act", SigmoidLayer(name="act")))
        >>> print("\\n".join(comparison.to_text().splitlines()[:5]))
        COMPARISON: before → after
        1 changed
        <BLANKLINE>
        ~ act  sigmoid
            type  ReLU → Sigmoid
        """
        from layergraph.analyze.comparison.text import lines
        from layergraph.analyze.table.grid import plain

        return plain(lines(self, most=most))

    # -- to work with --------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Everything that differs, and the totals, ready for JSON; the keys are stable."""
        from layergraph.analyze.comparison.records import as_dict

        return as_dict(self)

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as JSON text."""
        from layergraph.analyze.comparison.records import as_json

        return as_json(self, indent)

    def to_html(self) -> str:
        """One self-contained page: totals, issues, and both networks side by side, differences coloured.

        It has no program in it and loads nothing.
        """
        from layergraph.analyze.comparison.page import page

        return page(self)


def compare(
    before: LayerGraph | Network | Layer | Iterable[Layer] | NetworkAnalysis,
    after: LayerGraph | Network | Layer | Iterable[Layer] | NetworkAnalysis,
    *,
    names: tuple[str, str] = ("before", "after"),
    target_usage: TargetUsage | None = None,
) -> Comparison:
    """What differs between two networks: layers added, removed, renamed, changed, rewired; sizes and costs.

    Layers are the same where their names are. Where one went and an equal one came in its place (type,
    arguments, and neighbours the same), it was renamed. The order in which layers were added does not count.

    Everything comes from arithmetic: no weight is made, and a compiled network is neither run nor changed.
    torch is needed only where both sides have weights, to see whether they are equal.

    Args:
        before, after: layer graphs, compiled networks, sequences of layers, or analyses of them.
        names: what to call the two.
        target_usage: as in :func:`analyze_network`, for both.

    Raises:
        WrongTypeError: something else than a network.

    Cost: linear in the layers, some 20 µs each, costs of the network aside.

    >>> from layergraph.builders import unet_layers
    >>> before, _ = unet_layers((64, 64, 3), 5, encoder_depth=3)
    >>> after, _ = unet_layers((64, 64, 3), 4, encoder_depth=3)
    >>> comparison = compare(before, after)
    >>> comparison.changed, comparison.layers[-3].arguments
    (('Final-ConvolutionLayer',), (ArgumentChange(argument='num_filters', before=5, after=4),))
    """
    sides = zip((before, after), names, strict=True)
    old, new = (analysis_of(side, "compare", name, target_usage) for side, name in sides)
    found = matched(old.lgraph, new.lgraph)
    appeared, gone = new_issues(old, new, found)
    layers = aligned(old, new, found, Attached(before), Attached(after))
    return Comparison(old, new, layers, appeared, gone, found)
