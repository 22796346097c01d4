"""Which blocks in a row are exactly alike, names and weights apart: ``res4b1`` to ``res4b22``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layergraph.analyze.blocks import Block
from layergraph.analyze.comparison.matching import arguments
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes
from layergraph.issues import Issue


def runs_of(
    lgraph: LayerGraph, sizes: InferredSizes, issues: Sequence[Issue], blocks: Sequence[Block]
) -> list[list[Block]]:
    """Consecutive blocks as runs of alike ones, mostly of one block.

    Blocks are alike if their layers have the same types, arguments, sizes, findings and connections;
    in a run each takes what it takes from the block before it, at the same place, and only the last
    gives anything to what comes after.

    >>> from layergraph.analyze import analyze_network
    >>> from layergraph.analyze.blocks import blocks
    >>> from layergraph.builders.backbones import resnet50
    >>> lgraph = resnet50()
    >>> runs = runs_of(lgraph, analyze_network(lgraph).inferred_sizes, (), blocks(lgraph))
    >>> [(run[0].name, len(run)) for run in runs if len(run) > 1]
    [('res2b', 2), ('res3b', 3), ('res4b', 5), ('res5b', 2)]
    """
    found: dict[str, list[str]] = {}
    for issue in issues:
        found.setdefault(issue.layer, []).append(issue.code)
    position = {name: index for index, name in enumerate(lgraph.order)}
    runs: list[list[Block]] = []
    # what the last block of a run looks like: in itself, and where it takes what from
    last: tuple[list[Any], list[Any]] | None = None
    for block in blocks:
        alike = _inside(lgraph, sizes, found, position, block), _from_outside(lgraph, position, block)
        if (
            runs
            and last
            and alike[0] == last[0]
            and _goes_on(lgraph, position, runs[-1], block, alike[1], last[1])
        ):
            runs[-1].append(block)
        else:
            runs.append([block])
        last = alike
    return runs


def _inside(
    lgraph: LayerGraph,
    sizes: InferredSizes,
    found: Mapping[str, Sequence[str]],
    position: Mapping[str, int],
    block: Block,
) -> list[Any]:
    """What a block is in itself: layers, sizes, findings, connections within, and which inputs are one."""
    start = position[block.layers[0]]
    outside: dict[Any, str] = {}  # where something comes from, by number
    rows = []
    for name in block.layers:
        layer = lgraph[name]
        fed = []
        for port, end in lgraph.sources(name).items():
            place = position[end.layer] - start
            number = place if place >= 0 else outside.setdefault(end, f"outside {len(outside)}")
            fed.append((port, number, end.port))
        rows.append((type(layer), sizes.outputs[name], found.get(name, []), fed, arguments(layer)))
    return rows


def _from_outside(lgraph: LayerGraph, position: Mapping[str, int], block: Block) -> list[tuple[str, int]]:
    """The ports that something comes to from before the block, and from how many layers before it."""
    start = position[block.layers[0]]
    return [
        (end.port, position[end.layer] - start)
        for name in block.layers
        for end in lgraph.sources(name).values()
        if position[end.layer] < start
    ]


def _goes_on(
    lgraph: LayerGraph,
    position: Mapping[str, int],
    run: Sequence[Block],
    block: Block,
    fed: Sequence[tuple[str, int]],
    fed_before: Sequence[tuple[str, int]],
) -> bool:
    """Whether a block goes on where the run ends."""
    length = len(block.layers)
    if not fed or any(place < -length for _, place in fed) or (len(run) > 1 and fed != fed_before):
        return False
    end = position[block.layers[-1]]
    return all(position[to.layer] <= end for name in run[-1].layers for _, to in lgraph.destinations(name))
