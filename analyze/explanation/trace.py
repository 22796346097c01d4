"""The path of a size through a network: each layer with the arithmetic of its size."""

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

# a sum of more terms, as for a torch module, would not fit on a line
_MOST_TENSORS = 4
_DIMENSIONS = ("height", "width", "depth")


class ExplainedInput(NamedTuple):
    """An input port; ``source`` is written as in ``connect_layers``, and empty without a connection."""

    port: str
    source: str
    size: Size | None


class ReceptiveFieldStep(NamedTuple):
    """The receptive field in one dimension; ``text`` has its arithmetic where one window explains it."""

    dimension: str
    text: str
    size: int
    stride: float


@dataclass(frozen=True)
class ExplainedLayer:
    """One layer on the path to the explained layer.

    Attributes:
        name, type, description: those of the layer.
        port: the output whose size is explained; empty for an output layer.
        size: that size; ``None`` if it is unknown.
        assumed: whether the size is a guess, downstream of a fault.
        inputs: the input ports with their sources and sizes.
        steps: the arithmetic of each dimension by its name (``"height"``, ...); empty if the inputs are
            unknown or do not fit.
        learnables: their number with its arithmetic, such as ``"3·3·3·64 + 64 = 1,792"``; empty if there are
            none.
        receptive_field: the field in each dimension; empty if it is that of the first input.
        issues: the errors that keep the layer from taking its inputs.
        branch: the input of the explained layer to which this layer leads, if several do not fit together.
    """

    name: str
    type: str
    description: str
    port: str
    size: Size | None
    assumed: bool
    inputs: tuple[ExplainedInput, ...]
    steps: tuple[tuple[str, Step], ...]
    learnables: str
    receptive_field: tuple[ReceptiveFieldStep, ...]
    issues: tuple[Issue, ...]
    branch: str = ""

    @property
    def keeps_size(self) -> bool:
        """Whether the output has the size of the only input."""
        # equal sizes are not enough: a 3×3 convolution with padding has arithmetic worth showing
        plain = all(step.formula is None and step.expression == str(step.result) for _, step in self.steps)
        return bool(self.steps) and plain and len(self.inputs) == 1 and self.size == self.inputs[0].size


@dataclass(frozen=True, eq=False, repr=False)
class SizeTrace:
    """The layers on the path to one output, each with the arithmetic of its size.

    Attributes:
        name, port, size: the layer, its output, and that output's size (``None`` if it is unknown).
        layers: the layers on the path, the explained layer last.
        left_out: the number of layers on the path that ``steps`` leaves out.
    """

    name: str
    port: str
    size: Size | None
    layers: tuple[ExplainedLayer, ...]
    left_out: int = 0

    @property
    def has_errors(self) -> bool:
        """Whether a layer on the path cannot take its inputs; sizes downstream assume that this is fixed."""
        return self.size is None or any(layer.issues or layer.assumed for layer in self.layers)

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """The formulas of the steps, each once."""
        formulas: dict[str, Formula] = {}
        for layer in self.layers:
            for _, step in layer.steps:
                # as computed: the extent of a dilated window comes before its positions
                for part in (*(first for _, first in step.first), step):
                    if part.formula:
                        formulas.setdefault(part.formula.name, part.formula)
        return tuple(formulas.values())


class SizeTracer:
    """Follows a size upstream through an analyzed network."""

    def __init__(self, analysis: AnalysisResult) -> None:
        self._analysis, self._lgraph = analysis, analysis.lgraph
        self._rows: dict[str, LayerInfo] = {row.name: row for row in analysis.layers}
        self._costs = analysis.costs().layers

    def trace(self, end: End) -> list[ExplainedLayer]:
        """The layers from an input layer to this output, each at the output that feeds the next."""
        layers = []
        source: End | None = end
        while source is not None:
            layer = self._explain(source)
            layers.append(layer)
            # the first input is not always the one that matters: a crop has the size of its reference
            decisive = next((step.port for _, step in layer.steps if step.port), "")
            ports = self._lgraph[source.layer].input_names
            # an input layer has no port, so that the lookup of "" ends the path
            source = self._lgraph.sources(source.layer).get(decisive or "".join(ports[:1]))
        return layers[::-1]

    def has_misfit(self, name: str) -> bool:
        """Whether the inputs of a layer are known but do not fit together."""
        inputs = self._analysis.inferred_sizes.inputs[name]
        faulty = name in self._analysis.inferred_sizes.faulty
        # the indices and size of an unpooling layer are not branches of the network
        return faulty and len(inputs) > 1 and None not in inputs and not self._lgraph[name].memory_ports

    def trace_branches(self, end: End) -> list[ExplainedLayer]:
        """The path to each input of a layer: the first in full, the others from where they diverge."""
        # branches mostly start at the same layer: their common part is shown once
        layers: dict[End, ExplainedLayer] = {}
        for port, source in self._lgraph.sources(end.layer).items():
            for layer in self.trace(source):
                # by output, not by layer: two branches may leave a layer at different outputs
                layers.setdefault(End(layer.name, layer.port), replace(layer, branch=port))
        return [*layers.values(), self._explain(end)]

    def _explain(self, end: End) -> ExplainedLayer:
        row, layer = self._rows[end.layer], self._lgraph[end.layer]
        sizes = dict(row.activations)
        # an output layer has no port, but its row has the size that the network returns
        size = sizes.get(end.port, row.activations[0].size)
        inputs = tuple(self._inputs(end.layer))
        steps = tuple(_name_dimensions(end.port, size, self._steps(layer, end.port, inputs)))
        return ExplainedLayer(
            row.name,
            row.type,
            row.description,
            end.port,
            size,
            row.assumed,
            inputs,
            steps,
            _learnables_text(row),
            tuple(self._receptive_field(end.layer, inputs)),
            self._issues(end.layer),
        )

    def _inputs(self, name: str) -> Iterator[ExplainedInput]:
        fed = self._lgraph.sources(name)
        sizes = self._analysis.inferred_sizes.inputs[name]
        for port, size in zip(self._lgraph[name].input_names, sizes, strict=True):
            source = fed.get(port)
            yield ExplainedInput(port, self._lgraph.output_text(source) if source else "", size)

    def _issues(self, name: str) -> tuple[Issue, ...]:
        inferred_sizes = self._analysis.inferred_sizes
        # the layer takes its inputs; errors of other kinds, such as wrong weights, explain no size
        if name not in inferred_sizes.faulty and None not in inferred_sizes.inputs[name]:
            return ()
        outputs = self._lgraph[name].output_names  # their issues do not concern the size
        issues = (one for one in self._analysis.issues if one.layer == name and one.port not in outputs)
        return tuple(issue for issue in issues if issue.severity == "error")

    def _steps(self, layer: Layer, port: str, inputs: Sequence[ExplainedInput]) -> Sequence[Step]:
        sizes = [size for _, _, size in inputs if size is not None]
        if len(sizes) < len(inputs):
            return ()
        # a layer that does not fit has no arithmetic; its issue says why
        try:
            outputs = layer.size_steps(sizes)
        except SizeError:
            return ()
        return outputs[layer.output_names.index(port) if port else 0]

    def _receptive_field(self, name: str, inputs: Sequence[ExplainedInput]) -> Iterator[ReceptiveFieldStep]:
        costs, sources = self._costs[name], self._lgraph.sources(name)
        fields, strides = costs.receptive_field, costs.receptive_stride
        if fields is None or strides is None or not sources:
            return
        source = self._costs[next(iter(sources.values())).layer]
        if (source.receptive_field, source.receptive_stride) == (fields, strides):
            return
        sizes = [size for _, _, size in inputs if size is not None]
        rules = self._lgraph[name].receptive_field_rules(sizes) or {}
        # where several inputs count, no single window explains the field
        rule = next(iter(rules.values())) if len(rules) == 1 else ()
        for axis, (field, stride) in enumerate(zip(fields, strides, strict=True)):
            text = str(field)
            if axis < len(rule) and source.receptive_field and source.receptive_stride:
                (first, last, _), *other_phases = rule[axis].taps
                old, step = source.receptive_field[axis], source.receptive_stride[axis]
                # several phases, and branches of different strides, have no such short formula
                if not other_phases and step == int(step) and old + (last - first) * step == field:
                    text = f"{old} + ({last - first + 1} − 1)·{int(step)} = {field}"
            yield ReceptiveFieldStep(_DIMENSIONS[axis], text, field, stride)


def _name_dimensions(port: str, size: Size | None, steps: Sequence[Step]) -> Iterator[tuple[str, Step]]:
    if not steps:
        return
    if port == "indices":
        # one number per maximum; the other dimensions of indices are always 1
        yield "indices", steps[0]
        return
    if size is not None and size.format == "SSSSSCB":  # the size that a pooling layer stores for unpooling
        # the first three numbers are always 1, 4 and 1; only the others come from the image
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
        # a bias is 1×1×64: a vector is printed without the ones
        numbers = shape if prod(shape[:-1]) > 1 or not shape else shape[-1:]
        terms.append(product_text(numbers) or "1")
    text = " + ".join(terms)
    # a single vector is its own total: "64", not "64 = 64"
    return text if text == total else f"{text} = {total}"
