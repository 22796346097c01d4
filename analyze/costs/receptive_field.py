"""Receptive fields: which part of the input image one number of a layer's output depends on.

Each layer says which positions of its input an output position sees (:meth:`Layer.reach`); here these rules
are joined from the input on. The rule of a layer repeats every few outputs (after two transposed
convolutions with stride 2, every four), so that a span is kept for each output of one period. Where branches
join that move over the image at different strides, each keeps a rule of its own: what an output sees then
depends on where it is, and the field is the largest that any output has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil, gcd, lcm
from typing import NamedTuple

from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Layer, MaxPooling2dLayer, MaxUnpooling2dLayer
from layergraph.layers.receptive_field_rule import UNMOVED, Reach, spread
from layergraph.sizes import LARGEST, Size

Number = int | Fraction
Span = tuple[Number, Number] | None
"""The first and the last input position; ``None`` where none is seen."""

_LONGEST_PERIOD = 128
_MOST_MOTIONS = 16


class Motion(NamedTuple):
    """What the outputs of a layer see, along one dimension of the input image, by one rule.

    Output ``m * len(spans) + r`` sees ``spans[r]``, moved on by ``m * step``. The image is taken as endless.
    """

    step: Number
    spans: tuple[Span, ...]

    @property
    def slope(self) -> Number:
        """How far the span moves from one output to the next, on average."""
        return self.step if len(self.spans) == 1 else Fraction(self.step) / len(self.spans)

    @property
    def size(self) -> Number:
        """The positions from the first to the last seen; the most that any output has."""
        return max((span[1] - span[0] + 1 for span in self.spans if span), default=0)

    def at(self, output: int) -> Span:
        """What this output sees."""
        periods, place = divmod(output, len(self.spans))
        return _moved(self.spans[place], periods * self.step)

    def seen_through(self, reach: Reach) -> Motion:
        """The motion for a layer whose outputs see these by the rule ``reach``."""
        if reach is UNMOVED:
            return self
        if isinstance(reach.inputs, Fraction):
            return self.simplified()._seen_through_one(reach)
        if reach.outputs == len(self.spans) == 1:
            return self._seen_through_one(reach)
        motion = self
        periods = len(motion.spans) // gcd(len(motion.spans), reach.inputs) if reach.inputs else 1
        if periods * reach.outputs > _LONGEST_PERIOD:
            motion, periods = self.simplified(), 1
        spans = []
        for output in range(periods * reach.outputs):
            period, place = divmod(output, reach.outputs)
            first, last, step = reach.taps[place]
            seen = range(period * reach.inputs + first, period * reach.inputs + last + 1, step)
            if len(seen) > 2 * len(motion.spans):  # the ends decide, where every place of a period is met
                ends = len(motion.spans)
                spans.append(_hull([*map(motion.at, seen[:ends]), *map(motion.at, seen[-ends:])]))
            else:
                spans.append(_hull(map(motion.at, seen)))
        step_on = Fraction(periods * reach.inputs, len(motion.spans)) * motion.step
        found = Motion(step_on if step_on.denominator > 1 else int(step_on), tuple(spans))
        return found.simplified() if len(spans) > _LONGEST_PERIOD else found

    def _seen_through_one(self, reach: Reach) -> Motion:
        """The same where both rules have one phase, as of most layers."""
        (span,), ((first, last, _),) = self.spans, reach.taps
        if span:
            span = (span[0] + first * self.step, span[1] + last * self.step)
        return Motion(reach.inputs * self.step, (span,))

    def simplified(self) -> Motion:
        """One rule for all outputs, with room for each of them: for resizing by odd ratios."""
        step = Fraction(self.step) / len(self.spans)
        return Motion(step, (_hull(_moved(span, -r * step) for r, span in enumerate(self.spans)),))

    def merged(self, other: Motion) -> Motion:
        """One rule for what either sees, of the same slope."""
        length = lcm(len(self.spans), len(other.spans))
        if length > _LONGEST_PERIOD:
            return self.simplified().merged(other.simplified())
        spans = tuple(_hull((self.at(index), other.at(index))) for index in range(length))
        return Motion(self.step * (length // len(self.spans)), spans)


class Field(NamedTuple):
    """What the outputs of a layer see, along one dimension: by one rule, or by several that move apart."""

    motions: tuple[Motion, ...]
    outputs: int

    @property
    def size(self) -> int:
        """The input positions from the first to the last seen; the most that any output has."""
        if len(self.motions) == 1:
            return min(ceil(self.motions[0].size), LARGEST)
        motions, period = self.motions, lcm(*(len(motion.spans) for motion in self.motions))
        if period > _LONGEST_PERIOD:
            motions, period = tuple(motion.simplified() for motion in motions), 1
        # among the outputs of one phase each end moves evenly by each rule, so that the distance of the outer
        # ends is convex: it is largest at the first or at the last of them
        phases = {*range(min(period, self.outputs)), *range(max(self.outputs - period, 0), self.outputs)}
        spans = (_hull(motion.at(output) for motion in motions) for output in phases)
        return min(max((ceil(span[1] - span[0]) + 1 for span in spans if span), default=0), LARGEST)

    @property
    def stride(self) -> float:
        """How far the field moves from one output to the next; 0 where all see the same.

        Of rules that move apart, that of the widest which moves at all.
        """
        motions = [motion for motion in self.motions if motion.step] or self.motions
        stride = min(max(motions, key=lambda motion: motion.size).slope, LARGEST)
        return int(stride) if stride == int(stride) else float(stride)

    def at(self, output: int) -> Span:
        """What this output sees, from the first to the last position."""
        return _hull(motion.at(output) for motion in self.motions)

    def seen_through(self, reach: Reach, outputs: int) -> Field:
        """The field of a layer with so many outputs, which see these by the rule ``reach``."""
        if reach is UNMOVED:
            return self
        if len(self.motions) == 1:
            return Field((self.motions[0].seen_through(reach),), outputs)
        return _field((motion.seen_through(reach) for motion in self.motions), outputs)

    def joined(self, other: Field) -> Field:
        """What an element-wise operation of both sees."""
        if self is other or self == other:
            return self
        return _field((*self.motions, *other.motions), max(self.outputs, other.outputs))


def _field(motions: Iterable[Motion], outputs: int) -> Field:
    """A field of these rules, those of the same slope as one."""
    found: dict[Number, Motion] = {}
    for motion in motions:
        slope = motion.slope
        found[slope] = found[slope].merged(motion) if slope in found else motion
    if len(found) > _MOST_MOTIONS:  # one for all outputs, with room for each
        ends = (motion.simplified().at(output) for motion in found.values() for output in (0, outputs - 1))
        return Field((Motion(0, (_hull(ends),)),), outputs)
    return Field(tuple(found.values()), outputs)


def receptive_fields(
    lgraph: LayerGraph, inputs: Mapping[str, Sequence[Size]]
) -> dict[str, tuple[Field, ...] | None]:
    """The field of each layer's output in each spatial dimension; ``None`` where it is not known.

    ``inputs`` are the sizes of each layer's inputs, without the layers where they are unknown.
    """
    fields: dict[str, tuple[Field, ...] | None] = {}
    for name in lgraph.order:
        layer, fed, sizes = lgraph[name], lgraph.sources(name), inputs.get(name)
        fields[name] = None
        if sizes is None:
            continue
        (output, *_) = layer.output_sizes(sizes)
        if layer.is_input:
            fields[name] = tuple(Field((Motion(1, ((0, 0),)),), rows) for rows in output.spatial)
        elif (reaches := layer.reach(sizes)) is not None:
            if isinstance(layer, MaxUnpooling2dLayer):
                reaches = _put_back(lgraph[fed["indices"].layer], sizes[2]) or reaches
            seen = {port: fields[fed[port].layer] for port in reaches}
            fields[name] = _joined(layer.input_names, sizes, output, reaches, seen)
    return fields


def _joined(
    ports: Sequence[str],
    inputs: Sequence[Size],
    output: Size,
    reaches: Mapping[str, Sequence[Reach]],
    seen: Mapping[str, Sequence[Field] | None],
) -> tuple[Field, ...] | None:
    result: list[Field] | None = None
    for port, size in zip(ports, inputs, strict=True):
        if port not in reaches:
            continue
        before = seen[port]
        if before is None:
            return None
        here = []
        for field, reach, rows, after in zip(
            before, reaches[port], size.spatial, _rows(size, output), strict=True
        ):
            expanded = rows == 1 < after and len(reaches) > 1
            found = field.seen_through(reach, 1 if expanded else after)
            here.append(Field((Motion(0, (found.at(0),)),), after) if expanded else found)
        if result is None:
            result = here
        elif len(here) == len(result):
            result = [a.joined(b) for a, b in zip(result, here, strict=True)]
    return None if result is None else tuple(result)


def _put_back(pool: Layer, size: Size) -> dict[str, tuple[Reach, ...]] | None:
    """The reach of an unpooling layer: each position sees the windows of its max pooling that hold it."""
    if not isinstance(pool, MaxPooling2dLayer):
        return None
    window = pool.window()
    befores = [before for before, _ in window.padding(size.shape[3:5])]
    return {"in": tuple(map(spread, window.size, window.stride, befores))}


def _rows(size: Size, output: Size) -> tuple[int, ...]:
    """The output's rows in each dimension of an input; a vector has none, as an image of one pixel."""
    return output.spatial if len(output.spatial) == len(size.spatial) else (1,) * len(size.spatial)


def _moved(span: Span, by: Number) -> Span:
    return None if span is None else (span[0] + by, span[1] + by)


def _hull(spans: Iterable[Span]) -> Span:
    seen = [span for span in spans if span is not None]
    return (min(span[0] for span in seen), max(span[1] for span in seen)) if seen else None
