"""The columns of a table of layers: the value of a layer, and the value of a block of layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from layergraph.analyze.blocks import blocks
from layergraph.analyze.table.cells import (
    ACTIVATIONS,
    BLANK,
    BYTES,
    COUNT,
    INDEX,
    NAME,
    NAMES,
    SENTENCE,
    SHAPE,
    SHAPES,
    TEXT,
    Activations,
    ValueKind,
    num_elements,
)

if TYPE_CHECKING:
    from layergraph.analyze.costs.costs import LayerCosts, NetworkCosts
    from layergraph.analyze.result import AnalysisResult, LayerInfo


Layers = Sequence["LayerInfo"]


@dataclass(frozen=True, eq=False)
class TableData:
    """An analysis with the blocks, codes and costs that columns show, computed when a column needs them."""

    analysis: AnalysisResult
    batch_size: int = 1
    dtype: str = "float32"

    @cached_property
    def block_of(self) -> dict[str, str]:
        """The name of each layer's block."""
        return {name: block.name for block in blocks(self.analysis.lgraph) for name in block.layers}

    @cached_property
    def codes(self) -> dict[str, tuple[str, ...]]:
        """The codes of the issues of each layer, each once."""
        codes_of: dict[str, dict[str, None]] = {}  # a dict keeps the order, a set would not
        for issue in self.analysis.issues:
            codes_of.setdefault(issue.layer, {})[issue.code] = None
        return {name: tuple(codes) for name, codes in codes_of.items()}

    @cached_property
    def costs(self) -> NetworkCosts:
        """The costs of the network."""
        return self.analysis.costs(self.batch_size, self.dtype)


@dataclass(frozen=True)
class Column:
    """A column of a table of layers.

    Attributes:
        name: its name as an argument of :meth:`NetworkAnalysis.table`.
        title: its heading.
        short: its heading in a narrow table.
        kind: the kind of its values.
        help: a description.
        value: computes the value of a layer.
        merge: computes the value of a block from its layers and their values.
    """

    name: str
    title: str
    short: str
    kind: ValueKind
    help: str
    value: Callable[[TableData, LayerInfo], Any]
    merge: Callable[[Layers, Sequence[Any]], Any]

    @property
    def is_summed(self) -> bool:
        """Whether the value of a block is the sum of the values of its layers."""
        return self.merge is _sum


def _sum(layers: Layers, values: Sequence[int | None]) -> int | None:
    # a sum of the known values alone would pass for the whole
    return None if None in values else sum(value for value in values if value is not None)


def _first(layers: Layers, values: Sequence[Any]) -> Any:
    return values[0]


def _last(layers: Layers, values: Sequence[Any]) -> Any:
    return values[-1]


def _last_output(layers: Layers, values: Sequence[Activations]) -> Activations:
    # further outputs, such as the indices of a pooling layer, are details inside the block
    return values[-1][:1]


def _blank(layers: Layers, values: Sequence[Any]) -> str:
    return BLANK


def _union(layers: Layers, values: Sequence[Sequence[str]]) -> tuple[str, ...]:
    # a set would lose the order of the layers
    return tuple(dict.fromkeys(text for texts in values for text in texts))


def _layer_count(layers: Layers, types: Sequence[str]) -> str:
    return f"{len(types)} layers"


def _type_counts(layers: Layers, values: Sequence[str]) -> str:
    types = Counter(layer.type for layer in layers)
    # equal counts keep the order in which their types first occur
    return ", ".join(f"{count} {kind}" for kind, count in types.most_common())


def _outside(layers: Layers, values: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The ends of connections that are not in these layers."""
    inside = {layer.name for layer in layers}
    # an end is "layer" or "layer/port", and no name contains a slash
    return tuple(end for end in _union(layers, values) if end.split("/")[0] not in inside)


def _size(data: TableData, layer: LayerInfo) -> tuple[int, ...] | None:
    size = layer.activations[0].size
    # without the batch, which is always 1
    return None if size is None else (*size.spatial, size.channels)


def _of_layer(attribute: str) -> Callable[[TableData, LayerInfo], Any]:
    get = attrgetter(attribute)
    return lambda data, layer: get(layer)


def _of_costs(attribute: str) -> Callable[[TableData, LayerInfo], Any]:
    get: Callable[[LayerCosts], Any] = attrgetter(attribute)
    # data.costs is read here, not before, so that a table without costs computes none
    return lambda data, layer: get(data.costs.layers[layer.name])


def _sources(data: TableData, layer: LayerInfo) -> tuple[str, ...]:
    lgraph = data.analysis.lgraph
    return tuple(lgraph.output_text(end) for end in lgraph.sources(layer.name).values())


def _destinations(data: TableData, layer: LayerInfo) -> tuple[str, ...]:
    lgraph = data.analysis.lgraph
    return tuple(dict.fromkeys(lgraph.input_text(end) for _, end in lgraph.destinations(layer.name)))


# short names keep each column of numbers as narrow as its numbers
COLUMNS = {
    column.name: column
    for column in (
        Column("index", "", "", INDEX, "the position in the order, from 1", _of_layer("index"), _first),
        Column("name", "Name", "Name", NAME, "the name of the layer", _of_layer("name"), _first),
        Column("type", "Type", "Type", TEXT, "the type of the layer", _of_layer("type"), _layer_count),
        Column("description", "Description", "Description", SENTENCE, "the arguments in words",
               _of_layer("description"), _type_counts),
        Column("block", "Block", "Block", TEXT, "the block that the layer belongs to",
               lambda data, layer: data.block_of[layer.name], _first),
        Column("activations", "Activations", "Activations", ACTIVATIONS, "the size of each output",
               _of_layer("activations"), _last_output),
        Column("size", "Size", "Size", SHAPE, "height, width and channels of the first output",
               _size, _last),
        Column("learnables", "Learnable Properties", "Properties", SHAPES, "the size of each learnable",
               _of_layer("learnables"), _blank),
        Column("num_learnables", "Learnables", "Learn", COUNT, "the number of learnable parameters",
               _of_layer("num_learnables"), _sum),
        Column("states", "States", "States", SHAPES, "the size of each state", _of_layer("states"), _blank),
        Column("num_states", "State Numbers", "States", COUNT, "the number of elements of the states",
               lambda data, layer: num_elements(layer.states), _sum),
        Column("multiply_adds", "Multiply-Adds", "MulAdd", COUNT, "multiplications, each with an addition",
               _of_costs("multiply_adds"), _sum),
        Column("activation_bytes_inference", "Activation Memory", "Memory", BYTES,
               "bytes of the outputs", _of_costs("activation_bytes_inference"), _sum),
        Column("activation_bytes_training", "Saved for Backward", "Saved", BYTES,
               "bytes saved for the backward pass", _of_costs("activation_bytes_training"), _sum),
        Column("receptive_field", "Receptive Field", "Field", SHAPE,
               "the part of the image that an output depends on", _of_costs("receptive_field"), _last),
        Column("receptive_stride", "Field Stride", "Stride", SHAPE,
               "the distance of the fields of neighboring outputs", _of_costs("receptive_stride"), _last),
        Column("inputs", "Inputs", "Inputs", NAMES, "the layers that feed it", _sources, _outside),
        Column("outputs", "Outputs", "Outputs", NAMES, "the layers that it feeds", _destinations, _outside),
        Column("issues", "Issues", "Issues", NAMES, "the codes of its issues",
               lambda data, layer: data.codes.get(layer.name, ()), _union),
    )
}  # fmt: skip
