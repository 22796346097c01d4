"""The columns of a table of layers: where their values come from, and what they are for a block."""

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
    NUMBERS,
    SENTENCE,
    SHAPES,
    TEXT,
    Activations,
    Kind,
    shape_count,
)

if TYPE_CHECKING:
    from layergraph.analyze.costs.costs import LayerCosts, NetworkCosts
    from layergraph.analyze.result import AnalysisResult, LayerInfo


Layers = Sequence["LayerInfo"]


@dataclass(frozen=True, eq=False)
class Facts:
    """An analysis with what columns need besides; costs are computed where a column asks for them."""

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
        found: dict[str, dict[str, None]] = {}
        for issue in self.analysis.issues:
            found.setdefault(issue.layer, {})[issue.code] = None
        return {name: tuple(codes) for name, codes in found.items()}

    @cached_property
    def costs(self) -> NetworkCosts:
        """What the network costs."""
        return self.analysis.costs(self.batch_size, self.dtype)


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: how it is asked for.
        title: its heading.
        short: its heading where space is short.
        kind: how its values are written.
        value: the value of a layer.
        merged: the value of several layers, from these layers and their values.
        help: what it holds.
    """

    name: str
    title: str
    short: str
    kind: Kind
    help: str
    value: Callable[[Facts, LayerInfo], Any]
    merged: Callable[[Layers, Sequence[Any]], Any]

    @property
    def summed(self) -> bool:
        """Whether the value of several layers is a sum."""
        return self.merged is _sum


def _sum(layers: Layers, values: Sequence[int | None]) -> int | None:
    return None if None in values else sum(value for value in values if value is not None)


def _first(layers: Layers, values: Sequence[Any]) -> Any:
    return values[0]


def _last(layers: Layers, values: Sequence[Any]) -> Any:
    return values[-1]


def _last_output(layers: Layers, values: Sequence[Activations]) -> Activations:
    return values[-1][:1]


def _blank(layers: Layers, values: Sequence[Any]) -> str:
    return BLANK


def _all(layers: Layers, values: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for texts in values for text in texts))


def _how_many(layers: Layers, types: Sequence[str]) -> str:
    return f"{len(types)} layers"


def _of_each_type(layers: Layers, values: Sequence[str]) -> str:
    types = Counter(layer.type for layer in layers)
    return ", ".join(f"{count} {kind}" for kind, count in types.most_common())


def _outside(layers: Layers, values: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Ends of connections that are not in these layers."""
    inside = {layer.name for layer in layers}
    return tuple(end for end in _all(layers, values) if end.split("/")[0] not in inside)


def _size(facts: Facts, layer: LayerInfo) -> tuple[int, ...] | None:
    size = layer.activations[0].size
    return None if size is None else (*size.spatial, size.channels)


def _of_layer(attribute: str) -> Callable[[Facts, LayerInfo], Any]:
    get = attrgetter(attribute)
    return lambda facts, layer: get(layer)


def _of_costs(attribute: str) -> Callable[[Facts, LayerInfo], Any]:
    get: Callable[[LayerCosts], Any] = attrgetter(attribute)
    return lambda facts, layer: get(facts.costs.layers[layer.name])


def _sources(facts: Facts, layer: LayerInfo) -> tuple[str, ...]:
    lgraph = facts.analysis.lgraph
    return tuple(lgraph.output_text(end) for end in lgraph.sources(layer.name).values())


def _destinations(facts: Facts, layer: LayerInfo) -> tuple[str, ...]:
    lgraph = facts.analysis.lgraph
    return tuple(dict.fromkeys(lgraph.input_text(end) for _, end in lgraph.destinations(layer.name)))


COLUMNS = {
    column.name: column
    for column in (
        Column("index", "", "", INDEX, "the place in the order", _of_layer("index"), _first),
        Column("name", "Name", "Name", NAME, "the name of the layer", _of_layer("name"), _first),
        Column("type", "Type", "Type", TEXT, "what kind of layer it is", _of_layer("type"), _how_many),
        Column("description", "Description", "Description", SENTENCE, "its arguments in words",
               _of_layer("description"), _of_each_type),
        Column("block", "Block", "Block", TEXT, "the block that it belongs to",
               lambda facts, layer: facts.block_of[layer.name], _first),
        Column("activations", "Activations", "Activations", ACTIVATIONS, "the size of each output",
               _of_layer("activations"), _last_output),
        Column("size", "Size", "Size", NUMBERS, "height, width and channels of the first output",
               _size, _last),
        Column("learnables", "Learnable Properties", "Properties", SHAPES, "the size of each learnable",
               _of_layer("learnables"), _blank),
        Column("num_learnables", "Learnables", "Learn", COUNT, "how many numbers training learns",
               _of_layer("num_learnables"), _sum),
        Column("states", "States", "States", SHAPES, "the size of each state", _of_layer("states"), _blank),
        Column("num_states", "State Numbers", "States", COUNT, "how many numbers training keeps besides",
               lambda facts, layer: shape_count(layer.states), _sum),
        Column("multiply_adds", "Multiply-Adds", "MulAdd", COUNT, "multiplications, each with an addition",
               _of_costs("multiply_adds"), _sum),
        Column("activation_bytes_inference", "Inference Memory", "Inference", BYTES,
               "bytes of the results", _of_costs("activation_bytes_inference"), _sum),
        Column("activation_bytes_training", "Training Memory", "Training", BYTES,
               "bytes kept for the backward pass", _of_costs("activation_bytes_training"), _sum),
        Column("receptive_field", "Receptive Field", "Field", NUMBERS,
               "how much of the image an output depends on", _of_costs("receptive_field"), _last),
        Column("receptive_stride", "Field Stride", "Stride", NUMBERS,
               "how far that moves from one output to the next", _of_costs("receptive_stride"), _last),
        Column("inputs", "Inputs", "Inputs", NAMES, "the layers that feed it", _sources, _outside),
        Column("outputs", "Outputs", "Outputs", NAMES, "the layers that it feeds", _destinations, _outside),
        Column("issues", "Issues", "Issues", NAMES, "the codes of what is wrong with it",
               lambda facts, layer: facts.codes.get(layer.name, ()), _all),
    )
}  # fmt: skip
