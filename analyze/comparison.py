"""What an edit, or another argument of a builder, changed: layer by layer, and in total."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from layergraph.analyze.analysis import LayerInfo, NetworkAnalysis, analysis_of
from layergraph.analyze.matching import arguments, matched
from layergraph.analyze.subject import is_compiled
from layergraph.draft import End
from layergraph.graph import LayerGraph
from layergraph.issues import Issue
from layergraph.layers.layer import Layer
from layergraph.propagation import TargetUsage
from layergraph.sizes import Size
from layergraph.weights import Weights

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

    from layergraph.network import Network

WeightsChange = Literal["", "attached", "detached", "changed"]


class ArgumentChange(NamedTuple):
    """An argument of a layer that differs; ``None`` on a side whose layer type has no such argument."""

    argument: str
    before: Any
    after: Any


class Rewiring(NamedTuple):
    """An input port that another output feeds, written as in ``connect_layers``; ``""``: nothing."""

    port: str
    before: str
    after: str


class SizeChange(NamedTuple):
    """An output port whose size differs; ``None`` where there is no such port or its size is unknown."""

    port: str
    before: Size | None
    after: Size | None


@dataclass(frozen=True)
class LayerComparison:
    """A layer before and after; one of them is ``None`` for a layer that was added or removed.

    Attributes:
        before, after: its rows in the two analyses.
        arguments: the arguments that differ.
        rewired: the inputs that are fed otherwise; what feeds them under another name does not count.
        sizes: the outputs of another size.
        weights: what became of attached weights.
    """

    before: LayerInfo | None
    after: LayerInfo | None
    arguments: tuple[ArgumentChange, ...] = ()
    rewired: tuple[Rewiring, ...] = ()
    sizes: tuple[SizeChange, ...] = ()
    weights: WeightsChange = ""

    @property
    def name(self) -> str:
        """The layer's name, where it was renamed the new one."""
        return (self.after or self.before).name  # type: ignore[union-attr]

    @property
    def is_renamed(self) -> bool:
        """Whether it is there on both sides, under two names."""
        return bool(self.before and self.after) and self.before.name != self.after.name  # type: ignore[union-attr]

    @property
    def retyped(self) -> bool:
        """Whether a layer of another type has its name."""
        return bool(self.before and self.after) and self.before.type != self.after.type  # type: ignore[union-attr]

    @property
    def status(self) -> str:
        """The word for the row: ``"added"``, ``"removed"``, ``"renamed"``, ``"changed"`` (another type or
        argument), ``"rewired"``, ``"weights"``, ``"resized"`` or ``"equal"``; the first that fits."""
        if self.before is None or self.after is None:
            return "added" if self.after else "removed"
        words = {
            "renamed": self.is_renamed,
            "changed": self.arguments or self.retyped,
            "rewired": self.rewired,
            "weights": self.weights,
            "resized": self.sizes,
        }
        return next((word for word, applies in words.items() if applies), "equal")


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
                found.append(what)  # type: ignore[arg-type]
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
        from layergraph.analyze.comparison_text import summary

        return f"Comparison({summary(self)})"

    def __str__(self) -> str:
        """What differs, as text: the layers that were edited in full, and what follows from it in short."""
        return self.to_text(most=8)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        from layergraph.analyze.comparison_text import lines
        from layergraph.analyze.grid import coloured

        yield coloured(lines(self, most=8))

    def _repr_html_(self) -> str:
        from layergraph.analyze.comparison_page import fragment

        return fragment(self)

    def show(self) -> None:
        """Print it, in colour where the terminal has colours; plain to a file or pipe."""
        from layergraph.analyze.grid import show

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
        from layergraph.analyze.comparison_text import lines
        from layergraph.analyze.grid import plain

        return plain(lines(self, most=most))

    # -- to work with --------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Everything that differs, and the totals, ready for JSON; the keys are stable."""
        from layergraph.analyze.comparison_records import as_dict

        return as_dict(self)

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as JSON text."""
        from layergraph.analyze.comparison_records import as_json

        return as_json(self, indent)

    def to_html(self) -> str:
        """One self-contained page: totals, issues, and both networks side by side, differences coloured.

        It has no program in it and loads nothing.
        """
        from layergraph.analyze.comparison_page import page

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
    sides = [
        analysis_of(side, "compare", name, target_usage)
        for side, name in zip((before, after), names, strict=True)
    ]
    found = matched(sides[0].lgraph, sides[1].lgraph)
    appeared, gone = _new_issues(*sides, found)
    layers = _aligned(*sides, found, _Attached(before), _Attached(after))
    return Comparison(sides[0], sides[1], layers, appeared, gone, found)


class _Attached:
    """The weights of a graph's layers, or those of a compiled network, which are looked at in place."""

    def __init__(self, subject: Any) -> None:
        self._net = subject if is_compiled(subject) else None

    def of(self, layer: Layer) -> Weights | None:
        if self._net is None:
            return layer.weights
        tensors = self._net.layer_module(layer.name).state_dict()
        return Weights(tensors) if tensors else None


def _aligned(
    before: NetworkAnalysis,
    after: NetworkAnalysis,
    found: Mapping[str, str],
    weights_before: _Attached,
    weights_after: _Attached,
) -> tuple[LayerComparison, ...]:
    """A row for each layer: those of ``after`` in order, each that is gone behind the one it came after."""
    old_of = {new: old for old, new in found.items()}
    rows_before = {row.name: row for row in before.layers}
    gone_after: dict[str, list[LayerInfo]] = {}
    place = ""
    for row in before.layers:
        if row.name in found:
            place = found[row.name]
        else:
            gone_after.setdefault(place, []).append(row)
    rows = [LayerComparison(row, None) for row in gone_after.get("", ())]
    for row in after.layers:
        if row.name in old_of:
            old = rows_before[old_of[row.name]]
            layers = before.lgraph[old.name], after.lgraph[row.name]
            rows.append(
                LayerComparison(
                    old,
                    row,
                    arguments=_changed_arguments(*layers),
                    rewired=tuple(_rewired(before.lgraph, after.lgraph, *layers, found)),
                    sizes=_resized(old, row),
                    weights=_changed_weights(weights_before.of(layers[0]), weights_after.of(layers[1])),
                )
            )
        else:
            rows.append(LayerComparison(None, row))
        rows += (LayerComparison(gone, None) for gone in gone_after.get(row.name, ()))
    return tuple(rows)


def _changed_arguments(old: Layer, new: Layer) -> tuple[ArgumentChange, ...]:
    if old is new:
        return ()
    before, after = arguments(old), arguments(new)
    return tuple(
        ArgumentChange(argument, before.get(argument), after.get(argument))
        for argument in {**before, **after}
        if not _same(before.get(argument), after.get(argument))
    )


def _same(old: Any, new: Any) -> bool:
    """Whether two values of an argument are the same; torch modules by what they are and hold."""
    if old is new or not hasattr(old, "state_dict") or type(old) is not type(new):
        return bool(old is new or old == new)
    return repr(old) == repr(new) and Weights(old.state_dict()) == Weights(new.state_dict())


def _rewired(
    before: LayerGraph, after: LayerGraph, old: Layer, new: Layer, found: Mapping[str, str]
) -> Iterator[Rewiring]:
    sources, sources_after = before.sources(old.name), after.sources(new.name)
    for port in dict.fromkeys([*old.input_names, *new.input_names]):
        was, now = sources.get(port), sources_after.get(port)
        expected = End(found.get(was.layer, ""), was.port) if was else None
        if expected != now:
            yield Rewiring(port, written(before, was), written(after, now))


def written(lgraph: LayerGraph, end: End | None) -> str:
    """An end as ``connect_layers`` takes it; ``""`` for none."""
    if end is None:
        return ""
    return end.layer if len(lgraph[end.layer].output_names) == 1 else f"{end.layer}/{end.port}"


def _resized(old: LayerInfo, new: LayerInfo) -> tuple[SizeChange, ...]:
    if old.activations == new.activations:
        return ()
    before, after = dict(old.activations), dict(new.activations)
    return tuple(
        SizeChange(port, before.get(port), after.get(port))
        for port in {**before, **after}
        if before.get(port) != after.get(port)
    )


def _changed_weights(old: Weights | None, new: Weights | None) -> WeightsChange:
    if old is None or new is None:
        return "" if old is new else "attached" if old is None else "detached"
    return "" if old == new else "changed"


def _new_issues(
    before: NetworkAnalysis, after: NetworkAnalysis, found: Mapping[str, str]
) -> tuple[tuple[Issue, ...], tuple[Issue, ...]]:
    """The issues of one side alone; the same code at the same place is the same issue."""
    keys = [
        [(issue.code, found.get(issue.layer, issue.layer), issue.port) for issue in before.issues],
        [(issue.code, issue.layer, issue.port) for issue in after.issues],
    ]
    appeared, gone = (
        tuple(_beyond(analysis.issues, own, Counter(other)))
        for analysis, own, other in ((after, keys[1], keys[0]), (before, keys[0], keys[1]))
    )
    return appeared, gone


def _beyond(
    issues: Iterable[Issue], keys: Iterable[tuple[str, ...]], known: Counter[tuple[str, ...]]
) -> Iterator[Issue]:
    for issue, key in zip(issues, keys, strict=True):
        if known[key]:
            known[key] -= 1
        else:
            yield issue
