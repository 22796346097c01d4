"""Receptive fields: which part of the input image one number of a layer's output depends on.

Each layer says which positions of its input an output position sees (:meth:`Layer.reach`); here these rules
are joined from the input on. The rule of a layer repeats every few outputs (behind two transposed
convolutions with stride 2, every four), so that a span is kept for each output of one period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, gcd, lcm
from typing import NamedTuple

from layergraph.graph import LayerGraph
from layergraph.layers.arguments import LARGEST
from layergraph.layers.reach import UNMOVED, Reach
from layergraph.sizes import Size

Number = int | Fraction
Span = tuple[Number, Number] | None
"""The first and the last input position; ``None`` where none is seen."""

_LONGEST_PERIOD = 128


class Field(NamedTuple):
    """What the outputs of a layer see, along one dimension of the input image.

    Output ``m * len(spans) + r`` sees ``spans[r]``, moved on by ``m * step``. The image is taken as endless.
    """

    step: Number
    spans: tuple[Span, ...]

    @property
    def size(self) -> int:
        """The input positions from the first to the last seen; the most that any output has."""
        most = max((ceil(span[1] - span[0]) + 1 for span in self.spans if span), default=0)
        return min(most, LARGEST)

    @property
    def stride(self) -> float:
        """How far the field moves from one output to the next; 0 where all see the same."""
        if len(self.spans) == 1 and isinstance(self.step, int):
            return min(self.step, LARGEST)
        stride = min(Fraction(self.step) / len(self.spans), Fraction(LARGEST))
        return int(stride) if stride.denominator == 1 else float(stride)

    def at(self, output: int) -> Span:
        """What this output sees."""
        periods, place = divmod(output, len(self.spans))
        return _moved(self.spans[place], periods * self.step)

    def seen_through(self, reach: Reach) -> Field:
        """The field of a layer whose outputs see these by the rule ``reach``."""
        if reach is UNMOVED:
            return self
        if isinstance(reach.inputs, Fraction):
            return self._simplified()._seen_through_one(reach)
        if reach.outputs == len(self.spans) == 1:
            return self._seen_through_one(reach)
        field = self
        periods = len(field.spans) // gcd(len(field.spans), reach.inputs) if reach.inputs else 1
        if periods * reach.outputs > _LONGEST_PERIOD:
            field, periods = self._simplified(), 1
        spans = []
        for output in range(periods * reach.outputs):
            period, place = divmod(output, reach.outputs)
            first, last, step = reach.taps[place]
            seen = range(period * reach.inputs + first, period * reach.inputs + last + 1, step)
            if len(seen) > 2 * len(field.spans):  # the ends decide, where every place of a period is met
                ends = len(field.spans)
                spans.append(_hull([*map(field.at, seen[:ends]), *map(field.at, seen[-ends:])]))
            else:
                spans.append(_hull(map(field.at, seen)))
        step_on = Fraction(periods * reach.inputs, len(field.spans)) * field.step
        found = Field(step_on if step_on.denominator > 1 else int(step_on), tuple(spans))
        return found._simplified() if len(spans) > _LONGEST_PERIOD else found

    def _seen_through_one(self, reach: Reach) -> Field:
        """The same where both rules have one phase, as of most layers."""
        (span,), ((first, last, _),) = self.spans, reach.taps
        if span:
            span = (span[0] + first * self.step, span[1] + last * self.step)
        return Field(reach.inputs * self.step, (span,))

    def _simplified(self) -> Field:
        """One rule for all outputs, with room for each of them: for resizing by odd ratios."""
        step = Fraction(self.step) / len(self.spans)
        return Field(step, (_hull(_moved(span, -r * step) for r, span in enumerate(self.spans)),))

    def joined(self, other: Field, outputs: int) -> Field:
        """What an element-wise operation of both sees; where they move differently, at the centre."""
        if self is other or self == other:
            return self
        if self.step * len(other.spans) == other.step * len(self.spans):
            length = lcm(len(self.spans), len(other.spans))
            if length <= _LONGEST_PERIOD:
                spans = tuple(_hull((self.at(index), other.at(index))) for index in range(length))
                return Field(self.step * length // len(self.spans), spans)
            return self._simplified().joined(other._simplified(), outputs)
        moving, fixed = (self, other) if other.step == 0 else (other, self)
        if fixed.step == 0:  # features of one pixel, spread over an image
            back = -(outputs // 2 // len(moving.spans)) * moving.step
            span = _moved(_hull(fixed.spans), back)
            return Field(moving.step, tuple(_hull((own, span)) for own in moving.spans))
        return self if self.size >= other.size else other


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
            fields[name] = (Field(1, ((0, 0),)),) * len(output.spatial)
        elif (reaches := layer.reach(sizes)) is not None:
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
            found = field.seen_through(reach)
            here.append(Field(0, (found.at(0),)) if rows == 1 < after and len(reaches) > 1 else found)
        if result is None:
            result = here
        elif len(here) == len(result):
            rows_after = _rows(size, output)
            result = [a.joined(b, n) for a, b, n in zip(result, here, rows_after, strict=True)]
    return None if result is None else tuple(result)


def _rows(size: Size, output: Size) -> tuple[int, ...]:
    """The output's rows in each dimension of an input; a vector has none, as an image of one pixel."""
    return output.spatial if len(output.spatial) == len(size.spatial) else (1,) * len(size.spatial)


def _moved(span: Span, by: Number) -> Span:
    return None if span is None else (span[0] + by, span[1] + by)


def _hull(spans: object) -> Span:
    seen = [span for span in spans if span is not None]  # type: ignore[attr-defined]
    return (min(span[0] for span in seen), max(span[1] for span in seen)) if seen else None
