"""What differs between two networks, layer by layer: arguments, wiring, sizes, weights; and the issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from layergraph.analyze.comparison.matching import arguments
from layergraph.analyze.network_argument import is_compiled
from layergraph.analyze.result import AnalysisResult, LayerInfo
from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.issues import Issue
from layergraph.layers.layer import Layer
from layergraph.sizes import Size
from layergraph.weights import Weights

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


class Attached:
    """The weights of a graph's layers, or those of a compiled network, which are looked at in place."""

    def __init__(self, subject: Any) -> None:
        self._net = subject if is_compiled(subject) else None

    def of(self, layer: Layer) -> Weights | None:
        if self._net is None:
            return layer.weights
        tensors = self._net.layer_module(layer.name).state_dict()
        return Weights(tensors) if tensors else None


def aligned(
    before: AnalysisResult,
    after: AnalysisResult,
    found: Mapping[str, str],
    weights_before: Attached,
    weights_after: Attached,
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
            yield Rewiring(
                port, before.output_text(was) if was else "", after.output_text(now) if now else ""
            )


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


def new_issues(
    before: AnalysisResult, after: AnalysisResult, found: Mapping[str, str]
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
