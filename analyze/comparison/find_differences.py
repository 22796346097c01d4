"""The differences between two networks, layer by layer: arguments, wiring, sizes, weights; and the issues."""

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
    """An argument of a layer that differs; ``None`` where the layer type has no such argument."""

    argument: str
    before: Any
    after: Any


class Rewiring(NamedTuple):
    """An input port that another output feeds; outputs are written as in ``connect_layers``, or empty."""

    port: str
    before: str
    after: str


class SizeChange(NamedTuple):
    """An output port whose size differs; ``None`` if there is no such port or its size is unknown."""

    port: str
    before: Size | None
    after: Size | None


@dataclass(frozen=True)
class LayerComparison:
    """A layer in both networks.

    Attributes:
        before, after: its rows in the two analyses; ``None`` for a layer that was added or removed.
        arguments: the arguments that differ.
        rewired: the inputs that another output feeds; a renamed source does not count.
        sizes: the outputs of another size.
        weights: ``"attached"``, ``"detached"`` or ``"changed"`` if the weights differ, else empty.
    """

    before: LayerInfo | None
    after: LayerInfo | None
    arguments: tuple[ArgumentChange, ...] = ()
    rewired: tuple[Rewiring, ...] = ()
    sizes: tuple[SizeChange, ...] = ()
    weights: WeightsChange = ""

    @property
    def name(self) -> str:
        """The layer's name; of a renamed layer the new one."""
        return (self.after or self.before).name  # type: ignore[union-attr]

    @property
    def is_renamed(self) -> bool:
        """Whether both networks have the layer, with different names."""
        return bool(self.before and self.after) and self.before.name != self.after.name  # type: ignore[union-attr]

    @property
    def is_retyped(self) -> bool:
        """Whether both networks have the layer, with different types."""
        return bool(self.before and self.after) and self.before.type != self.after.type  # type: ignore[union-attr]

    @property
    def status(self) -> str:
        """The first that applies of ``"added"``, ``"removed"``, ``"renamed"``, ``"changed"`` (another type or
        argument), ``"rewired"``, ``"weights"``, ``"resized"`` and ``"equal"``."""
        if self.before is None or self.after is None:
            return "added" if self.after else "removed"
        # ordered by cause: a changed layer is also resized, a rewired one often
        words = {
            "renamed": self.is_renamed,
            "changed": self.arguments or self.is_retyped,
            "rewired": self.rewired,
            "weights": self.weights,
            "resized": self.sizes,
        }
        return next((word for word, applies in words.items() if applies), "equal")


class AttachedWeights:
    """The weights of the layers of a graph or a compiled network, read without a copy."""

    def __init__(self, network: Any) -> None:
        self._net = network if is_compiled(network) else None  # its layer_graph() would copy all weights

    def of(self, layer: Layer) -> Weights | None:
        if self._net is None:
            return layer.weights
        # a state dict shares the memory of its module, so nothing is copied
        # None without tensors, as in a graph; otherwise a ReLU would count as detached
        tensors = self._net.layer_module(layer.name).state_dict()
        return Weights(tensors) if tensors else None


def align(
    before: AnalysisResult,
    after: AnalysisResult,
    matches: Mapping[str, str],
    weights_before: AttachedWeights,
    weights_after: AttachedWeights,
) -> tuple[LayerComparison, ...]:
    """One row per layer, in the order of ``after``; removed layers follow the layer that preceded them."""
    # 1. Removed layers, each filed under the last layer before it that is still there
    old_of = {new: old for old, new in matches.items()}
    rows_before = {row.name: row for row in before.layers}
    removed_after: dict[str, list[LayerInfo]] = {}
    previous = ""
    for row in before.layers:
        if row.name in matches:
            previous = matches[row.name]
        else:
            removed_after.setdefault(previous, []).append(row)
    # 2. The rows of ``after``, with the removed layers where they were; "" stands for the start
    rows = [LayerComparison(row, None) for row in removed_after.get("", ())]
    for row in after.layers:
        if row.name in old_of:
            old = rows_before[old_of[row.name]]
            layers = before.lgraph[old.name], after.lgraph[row.name]
            rows.append(
                LayerComparison(
                    old,
                    row,
                    arguments=_argument_changes(*layers),
                    rewired=tuple(_rewirings(before.lgraph, after.lgraph, *layers, matches)),
                    sizes=_size_changes(old, row),
                    weights=_weights_change(weights_before.of(layers[0]), weights_after.of(layers[1])),
                )
            )
        else:
            rows.append(LayerComparison(None, row))
        rows += (LayerComparison(removed, None) for removed in removed_after.get(row.name, ()))
    return tuple(rows)


def _argument_changes(old: Layer, new: Layer) -> tuple[ArgumentChange, ...]:
    # an edit shares the layers that it leaves alone, so most pairs need no comparison
    if old is new:
        return ()
    before, after = arguments(old), arguments(new)
    return tuple(
        ArgumentChange(argument, before.get(argument), after.get(argument))
        # a merged dict keeps the order of the constructor, a set would not
        for argument in {**before, **after}
        if not _same(before.get(argument), after.get(argument))
    )


def _same(old: Any, new: Any) -> bool:
    """Whether two values of an argument are equal.

    Two torch modules are never equal for Python, so their structure and tensors are compared.
    """
    if old is new or not hasattr(old, "state_dict") or type(old) is not type(new):
        return bool(old is new or old == new)
    # the repr has the structure and numbers such as strides, which no tensor shows
    return repr(old) == repr(new) and Weights(old.state_dict()) == Weights(new.state_dict())


def _rewirings(
    before: LayerGraph, after: LayerGraph, old: Layer, new: Layer, matches: Mapping[str, str]
) -> Iterator[Rewiring]:
    sources, sources_after = before.sources(old.name), after.sources(new.name)
    for port in dict.fromkeys([*old.input_names, *new.input_names]):
        was, now = sources.get(port), sources_after.get(port)
        # a source that was renamed still feeds the same input
        # a removed source becomes "", which is no layer's name, so it differs from every new source
        expected = End(matches.get(was.layer, ""), was.port) if was else None
        if expected != now:
            yield Rewiring(
                port, before.output_text(was) if was else "", after.output_text(now) if now else ""
            )


def _size_changes(old: LayerInfo, new: LayerInfo) -> tuple[SizeChange, ...]:
    if old.activations == new.activations:
        return ()
    before, after = dict(old.activations), dict(new.activations)
    return tuple(
        SizeChange(port, before.get(port), after.get(port))
        for port in {**before, **after}
        if before.get(port) != after.get(port)
    )


def _weights_change(old: Weights | None, new: Weights | None) -> WeightsChange:
    if old is None or new is None:
        return "" if old is new else "attached" if old is None else "detached"
    return "" if old == new else "changed"


def unmatched_issues(
    before: AnalysisResult, after: AnalysisResult, matches: Mapping[str, str]
) -> tuple[tuple[Issue, ...], tuple[Issue, ...]]:
    """The issues of ``after`` alone and those of ``before`` alone.

    Texts contain sizes and names that an edit changes elsewhere, so issues match by code, layer and port.
    """
    old = [(issue.code, matches.get(issue.layer, issue.layer), issue.port) for issue in before.issues]
    new = [(issue.code, issue.layer, issue.port) for issue in after.issues]
    return tuple(_unmatched(after.issues, new, Counter(old))), tuple(
        _unmatched(before.issues, old, Counter(new))
    )


def _unmatched(
    issues: Iterable[Issue], keys: Iterable[tuple[str, ...]], known: Counter[tuple[str, ...]]
) -> Iterator[Issue]:
    for issue, key in zip(issues, keys, strict=True):
        if known[key]:
            # equal keys pair off one by one, so a second issue of the same kind still shows
            known[key] -= 1
        else:
            yield issue
