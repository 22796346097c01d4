"""The path of a size through a network: each layer with the arithmetic that gives its size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

from layergraph.analyze.result import AnalysisResult, LayerInfo
from layergraph.errors import SizeError
from layergraph.graph.draft import End
from layergraph.issues import Issue
from layergraph.layers.arithmetic import Formula, Step, product_text
from layergraph.layers.layer import Layer
from layergraph.sizes import Size

_MOST_TENSORS = 4
_DIMENSIONS = ("height", "width", "depth")


class Input(NamedTuple):
    """What feeds a port; ``source`` is written as in ``connect_layers`` and empty where nothing does."""

    port: str
    source: str
    size: Size | None


class FieldStep(NamedTuple):
    """The receptive field of a number in one dimension, with the arithmetic where it is plain."""

    dimension: str
    text: str
    size: int
    stride: float


@dataclass(frozen=True)
class ExplainedLayer:
    """One layer on the way to the one that is explained.

    Attributes:
        name, type, description: as the layer says them.
        port: the output whose size is explained; empty for an output layer.
        size: that size; ``None`` where it is unknown.
        assumed: whether the size rests on a guess, behind a fault.
        inputs: what feeds it.
        steps: its numbers by name (``"height"``, ...), each with the arithmetic that gives it; empty where
            its inputs are unknown or do not fit.
        learnables: their count spelled out, such as ``"3·3·3·64 + 64 = 1,792"``; empty where there are none.
        sees: receptive field in each dimension, where it differs from that of the input.
        issues: why it has no size, or takes no such input.
        branch: the input of the explained layer that this layer leads to, where several do not fit together.
    """

    name: str
    type: str
    description: str
    port: str
    size: Size | None
    assumed: bool
    inputs: tuple[Input, ...]
    steps: tuple[tuple[str, Step], ...]
    learnables: str
    sees: tuple[FieldStep, ...]
    issues: tuple[Issue, ...]
    branch: str = ""

    @property
    def keeps_size(self) -> bool:
        """Whether the output has the size of the only input, without any arithmetic."""
        plain = all(step.formula is None and step.expression == str(step.result) for _, step in self.steps)
        return bool(self.steps) and plain and len(self.inputs) == 1 and self.size == self.inputs[0].size


@dataclass(frozen=True, eq=False, repr=False)
class SizeTrace:
    """The layers that the size of one output comes through, each with its arithmetic.

    Attributes:
        name, port, size: the layer, its output, and that output's size (``None`` where it is unknown).
        layers: the layers that the size comes through, the layer itself last.
        left_out: how many layers before them were not asked for.
    """

    name: str
    port: str
    size: Size | None
    layers: tuple[ExplainedLayer, ...]
    left_out: int = 0

    @property
    def has_errors(self) -> bool:
        """Whether a layer on the path cannot take its inputs; sizes downstream are as if that were fixed."""
        return self.size is None or any(layer.issues or layer.assumed for layer in self.layers)

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """The rules that the steps follow, each once."""
        found: dict[str, Formula] = {}
        for layer in self.layers:
            for _, step in layer.steps:
                for part in (*(first for _, first in step.first), step):
                    if part.formula:
                        found.setdefault(part.formula.name, part.formula)
        return tuple(found.values())


class SizeTracer:
    """Follows a size upstream through an analyzed network."""

    def __init__(self, analysis: AnalysisResult) -> None:
        self._analysis, self._lgraph = analysis, analysis.lgraph
        self._rows: dict[str, LayerInfo] = {row.name: row for row in analysis.layers}
        self._costs = analysis.costs().layers

    def to(self, end: End) -> list[ExplainedLayer]:
        """The layers from an input to this one, each at the output that feeds the next."""
        found = []
        source: End | None = end
        while source is not None:
            layer = self._explained(source)
            found.append(layer)
            followed = next((step.port for _, step in layer.steps if step.port), "")
            ports = self._lgraph[source.layer].input_names
            source = self._lgraph.sources(source.layer).get(followed or "".join(ports[:1]))
        return found[::-1]

    def is_torn(self, name: str) -> bool:
        """Whether the inputs of a layer are known, and do not fit together."""
        inputs = self._analysis.inferred_sizes.inputs[name]
        faulty = name in self._analysis.inferred_sizes.faulty
        return faulty and len(inputs) > 1 and None not in inputs and not self._lgraph[name].memory_ports

    def branches(self, end: End) -> list[ExplainedLayer]:
        """What leads to each input of a layer: the first path in full, the others from where they part."""
        found: dict[End, ExplainedLayer] = {}
        for port, source in self._lgraph.sources(end.layer).items():
            for layer in self.to(source):
                found.setdefault(End(layer.name, layer.port), replace(layer, branch=port))
        return [*found.values(), self._explained(end)]

    def _explained(self, end: End) -> ExplainedLayer:
        row, layer = self._rows[end.layer], self._lgraph[end.layer]
        sizes = dict(row.activations)
        size = sizes.get(end.port, row.activations[0].size)
        inputs = tuple(self._inputs(end.layer))
        issues = self._issues(end.layer)
        numbers = tuple(_named(end.port, size, self._steps(layer, end.port, inputs)))
        return ExplainedLayer(
            row.name,
            row.type,
            row.description,
            end.port,
            size,
            row.assumed,
            inputs,
            numbers,
            _learnables_text(row),
            tuple(self._sees(end.layer, inputs)),
            issues,
        )

    def _inputs(self, name: str) -> Iterator[Input]:
        fed = self._lgraph.sources(name)
        sizes = self._analysis.inferred_sizes.inputs[name]
        for port, size in zip(self._lgraph[name].input_names, sizes, strict=True):
            source = fed.get(port)
            yield Input(port, self._lgraph.output_text(source) if source else "", size)

    def _issues(self, name: str) -> tuple[Issue, ...]:
        inferred_sizes = self._analysis.inferred_sizes
        if name not in inferred_sizes.faulty and None not in inferred_sizes.inputs[name]:
            return ()
        outputs = self._lgraph[name].output_names  # what is wrong there does not concern the size
        found = (
            issue for issue in self._analysis.issues if issue.layer == name and issue.port not in outputs
        )
        return tuple(issue for issue in found if issue.severity == "error")

    def _steps(self, layer: Layer, port: str, inputs: Sequence[Input]) -> Sequence[Step]:
        sizes = [size for _, _, size in inputs if size is not None]
        if len(sizes) < len(inputs):
            return ()
        try:
            outputs = layer.size_steps(sizes)
        except SizeError:
            return ()
        return outputs[layer.output_names.index(port) if port else 0]

    def _sees(self, name: str, inputs: Sequence[Input]) -> Iterator[FieldStep]:
        costs, sources = self._costs[name], self._lgraph.sources(name)
        now, stride = costs.receptive_field, costs.receptive_stride
        if now is None or stride is None or not sources:
            return
        before = self._costs[next(iter(sources.values())).layer]
        if (before.receptive_field, before.receptive_stride) == (now, stride):
            return
        sizes = [size for _, _, size in inputs if size is not None]
        rules = self._lgraph[name].receptive_field_rules(sizes) or {}
        plain = next(iter(rules.values())) if len(rules) == 1 else ()
        for at, (after, step) in enumerate(zip(now, stride, strict=True)):
            text = str(after)
            if at < len(plain) and before.receptive_field and before.receptive_stride:
                (first, last, _), *others = plain[at].taps
                was, apart = before.receptive_field[at], before.receptive_stride[at]
                if not others and apart == int(apart) and was + (last - first) * apart == after:
                    text = f"{was} + ({last - first + 1} − 1)·{int(apart)} = {after}"
            yield FieldStep(_DIMENSIONS[at], text, after, step)


def _named(port: str, size: Size | None, steps: Sequence[Step]) -> Iterator[tuple[str, Step]]:
    if not steps:
        return
    if port == "indices":
        yield "indices", steps[0]
        return
    if size is not None and size.format == "SSSSSCB":  # what a pooling layer remembers of its input
        yield from zip((*_DIMENSIONS[:2], "channels"), steps[3:], strict=True)
        return
    yield from zip((*_DIMENSIONS[: len(steps) - 1], "channels"), steps, strict=True)


def _learnables_text(row: LayerInfo) -> str:
    if not row.learnables or row.num_learnables is None:
        return ""
    total = f"{row.num_learnables:,}"
    if len(row.learnables) > _MOST_TENSORS:
        return f"{total} in {len(row.learnables)} tensors"
    terms = []
    for shape in row.learnables.values():
        # a bias is 1×1×64; of a vector the ones say nothing
        numbers = shape if prod(shape[:-1]) > 1 or not shape else shape[-1:]
        terms.append(product_text(numbers) or "1")
    text = " + ".join(terms)
    return text if text == total else f"{text} = {total}"
