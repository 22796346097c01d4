"""Receptive fields: the part of the input image that one element of a layer's output depends on.

The textbook recurrence (add ``(window - 1) * stride so far`` per layer) holds for one chain of windows only.
After a transposed convolution the outputs take turns between several windows, and where branches of different
strides join, the field depends on the position of the output. Following every output position would be exact,
but it costs as much as the image has pixels. So fields are computed from rules that describe all outputs, in
three phases: compose, join, measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil, gcd, lcm
from typing import NamedTuple

from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Layer, MaxPooling2dLayer, MaxUnpooling2dLayer
from layergraph.layers.receptive_field_rule import IDENTITY_RULE, ReceptiveFieldRule, transposed_rule
from layergraph.sizes import MAX_SIZE, Size

Number = int | Fraction
Span = tuple[Number, Number] | None
"""The first and the last input position, both included; ``None`` for an output that reads none."""

# Periods and rules multiply along odd resizing ratios. Beyond these limits, one span that covers the others
# replaces them: the field may then be a little too large, never too small.
_LONGEST_PERIOD = 128
_MOST_RULES = 16


class PeriodicSpans(NamedTuple):
    """The spans of the input image that the outputs of a layer depend on, along one dimension.

    Output ``m * len(spans) + r`` depends on ``spans[r]``, shifted by ``m * step``; the image has no border.
    """

    step: Number
    spans: tuple[Span, ...]

    @property
    def slope(self) -> Number:
        """The mean shift from one output to the next."""
        return self.step if len(self.spans) == 1 else Fraction(self.step) / len(self.spans)

    @property
    def size(self) -> Number:
        """The length of the largest span."""
        return max((span[1] - span[0] + 1 for span in self.spans if span), default=0)

    def at(self, output: int) -> Span:
        """The span of one output."""
        periods, phase = divmod(output, len(self.spans))
        return _shift(self.spans[phase], periods * self.step)

    def compose(self, layer_rule: ReceptiveFieldRule) -> PeriodicSpans:
        """The spans of a layer whose outputs read these by ``layer_rule``."""
        if layer_rule is IDENTITY_RULE:
            return self
        # 1. Compose. The rule of a layer repeats every few outputs: after two transposed convolutions with
        #    stride 2, every four. One span per output of a period describes all outputs exactly.
        if isinstance(layer_rule.inputs, Fraction):  # itself a rule that covers very many phases
            return self.simplify()._compose_single(layer_rule)
        if layer_rule.outputs == len(self.spans) == 1:
            return self._compose_single(layer_rule)
        rule = self
        # the composition repeats after a common multiple of both periods
        periods = len(rule.spans) // gcd(len(rule.spans), layer_rule.inputs) if layer_rule.inputs else 1
        if periods * layer_rule.outputs > _LONGEST_PERIOD:
            rule, periods = self.simplify(), 1
        spans = []
        for output in range(periods * layer_rule.outputs):
            period, phase = divmod(output, layer_rule.outputs)
            first, last, step = layer_rule.taps[phase]
            read = range(period * layer_rule.inputs + first, period * layer_rule.inputs + last + 1, step)
            length = len(rule.spans)
            if len(read) > 2 * length:
                # the first and the last period of a long window contain every phase, and spans only move on
                # in between: the ends decide, so that windows of thousands of positions cost nothing
                spans.append(_hull([*map(rule.at, read[:length]), *map(rule.at, read[-length:])]))
            else:
                spans.append(_hull(map(rule.at, read)))
        shift = Fraction(periods * layer_rule.inputs, len(rule.spans)) * rule.step
        composed = PeriodicSpans(shift if shift.denominator > 1 else int(shift), tuple(spans))
        return composed.simplify() if len(spans) > _LONGEST_PERIOD else composed

    def _compose_single(self, layer_rule: ReceptiveFieldRule) -> PeriodicSpans:
        """A short cut for two rules of one phase, as most layers have."""
        (span,), ((first, last, _),) = self.spans, layer_rule.taps
        if span:
            span = (span[0] + first * self.step, span[1] + last * self.step)
        return PeriodicSpans(layer_rule.inputs * self.step, (span,))

    def simplify(self) -> PeriodicSpans:
        """One span that covers every phase, for periods that grow too long."""
        step = Fraction(self.step) / len(self.spans)
        return PeriodicSpans(step, (_hull(_shift(span, -r * step) for r, span in enumerate(self.spans)),))

    def merge(self, other: PeriodicSpans) -> PeriodicSpans:
        """The union with spans of the same slope."""
        length = lcm(len(self.spans), len(other.spans))
        if length > _LONGEST_PERIOD:
            return self.simplify().merge(other.simplify())
        spans = tuple(_hull((self.at(index), other.at(index))) for index in range(length))
        return PeriodicSpans(self.step * (length // len(self.spans)), spans)


class ReceptiveField(NamedTuple):
    """The receptive field along one dimension: one rule, or several whose slopes differ."""

    rules: tuple[PeriodicSpans, ...]
    outputs: int

    @property
    def size(self) -> int:
        """The length of the largest span, from its first to its last position."""
        if len(self.rules) == 1:
            return min(ceil(self.rules[0].size), MAX_SIZE)
        rules, period = self.rules, lcm(*(len(rule.spans) for rule in self.rules))
        if period > _LONGEST_PERIOD:
            rules, period = tuple(rule.simplify() for rule in rules), 1
        # 3. Measure. The largest span of any output counts. Among the outputs of one phase, each rule moves
        #    its span evenly: the distance of the outermost ends is a convex function of the position, so
        #    that its maximum is at the first or at the last output, and only these need a look.
        outputs = {*range(min(period, self.outputs)), *range(max(self.outputs - period, 0), self.outputs)}
        spans = (_hull(rule.at(output) for rule in rules) for output in outputs)
        return min(max((ceil(span[1] - span[0]) + 1 for span in spans if span), default=0), MAX_SIZE)

    @property
    def stride(self) -> float:
        """The shift of the field from one output to the next; 0 where all outputs have the same field.

        With several rules, that of the largest span that moves at all.
        """
        rules = [rule for rule in self.rules if rule.step] or self.rules
        stride = min(max(rules, key=lambda rule: rule.size).slope, MAX_SIZE)
        return int(stride) if stride == int(stride) else float(stride)

    def at(self, output: int) -> Span:
        """The span of one output."""
        return _hull(rule.at(output) for rule in self.rules)

    def compose(self, layer_rule: ReceptiveFieldRule, outputs: int) -> ReceptiveField:
        """The field of a layer with this many outputs, which read these by ``layer_rule``."""
        if layer_rule is IDENTITY_RULE:
            return self
        if len(self.rules) == 1:
            return ReceptiveField((self.rules[0].compose(layer_rule),), outputs)
        return _combine((rule.compose(layer_rule) for rule in self.rules), outputs)

    def join(self, other: ReceptiveField) -> ReceptiveField:
        """The field of an element-wise operation on both."""
        if self is other or self == other:
            return self
        return _combine((*self.rules, *other.rules), max(self.outputs, other.outputs))


def _combine(rules: Iterable[PeriodicSpans], outputs: int) -> ReceptiveField:
    """The union of rules, those of the same slope merged."""
    # 2. Join. Spans that move at the same pace stay together and merge into one rule. Spans of different pace
    #    drift apart: one rule for both would be as large as the image, so each keeps its own.
    by_slope: dict[Number, PeriodicSpans] = {}
    for rule in rules:
        slope = rule.slope
        by_slope[slope] = by_slope[slope].merge(rule) if slope in by_slope else rule
    if len(by_slope) > _MOST_RULES:  # one span that covers all outputs
        ends = (rule.simplify().at(output) for rule in by_slope.values() for output in (0, outputs - 1))
        return ReceptiveField((PeriodicSpans(0, (_hull(ends),)),), outputs)
    return ReceptiveField(tuple(by_slope.values()), outputs)


def receptive_fields(
    lgraph: LayerGraph, inputs: Mapping[str, Sequence[Size]]
) -> dict[str, tuple[ReceptiveField, ...] | None]:
    """The field of each layer's output in each spatial dimension; ``None`` where it is unknown.

    ``inputs`` maps each layer to the sizes of its inputs; layers with unknown sizes are missing.
    """
    fields: dict[str, tuple[ReceptiveField, ...] | None] = {}
    for name in lgraph.order:
        layer, fed, sizes = lgraph[name], lgraph.sources(name), inputs.get(name)
        fields[name] = None
        if sizes is None:
            continue
        (output, *_) = layer.output_sizes(sizes)
        if layer.is_input:
            each_its_own = PeriodicSpans(1, ((0, 0),))
            fields[name] = tuple(ReceptiveField((each_its_own,), extent) for extent in output.spatial)
        elif (layer_rules := layer.receptive_field_rules(sizes)) is not None:
            if isinstance(layer, MaxUnpooling2dLayer):  # the window is that of the pooling layer
                layer_rules = _unpooling_rules(lgraph[fed["indices"].layer], sizes[2]) or layer_rules
            sources = {port: fields[fed[port].layer] for port in layer_rules}
            fields[name] = _layer_field(layer.input_names, sizes, output, layer_rules, sources)
    return fields


def _layer_field(
    ports: Sequence[str],
    inputs: Sequence[Size],
    output: Size,
    layer_rules: Mapping[str, Sequence[ReceptiveFieldRule]],
    sources: Mapping[str, Sequence[ReceptiveField] | None],
) -> tuple[ReceptiveField, ...] | None:
    """The field of one layer: each input's field composed with the layer's rule for it, all joined."""
    joined: list[ReceptiveField] | None = None
    for port, size in zip(ports, inputs, strict=True):
        if port not in layer_rules:
            continue
        source = sources[port]
        if source is None:
            return None
        composed = []
        for field, layer_rule, extent, new_extent in zip(
            source, layer_rules[port], size.spatial, _extents(size, output), strict=True
        ):
            # an input of one row that is repeated over the image gives every output the same span
            is_repeated = extent == 1 < new_extent and len(layer_rules) > 1
            one = field.compose(layer_rule, 1 if is_repeated else new_extent)
            fixed = PeriodicSpans(0, (one.at(0),))
            composed.append(ReceptiveField((fixed,), new_extent) if is_repeated else one)
        if joined is None:
            joined = composed
        elif len(composed) == len(joined):  # else a vector beside an image
            joined = [a.join(b) for a, b in zip(joined, composed, strict=True)]
    return None if joined is None else tuple(joined)


def _unpooling_rules(pool: Layer, size: Size) -> dict[str, tuple[ReceptiveFieldRule, ...]] | None:
    """The rule of an unpooling layer: a position reads every window of its max pooling that covers it."""
    if not isinstance(pool, MaxPooling2dLayer):
        return None
    window = pool.window()
    paddings = [before for before, _ in window.padding(size.shape[3:5])]
    return {"in": tuple(map(transposed_rule, window.size, window.stride, paddings))}


def _extents(size: Size, output: Size) -> tuple[int, ...]:
    """The output's extent in each dimension of an input; a vector counts as an image of one pixel."""
    return output.spatial if len(output.spatial) == len(size.spatial) else (1,) * len(size.spatial)


def _shift(span: Span, by: Number) -> Span:
    return None if span is None else (span[0] + by, span[1] + by)


def _hull(spans: Iterable[Span]) -> Span:
    known = [span for span in spans if span is not None]
    return (min(span[0] for span in known), max(span[1] for span in known)) if known else None
