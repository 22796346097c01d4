"""Find consecutive blocks that are exactly alike, apart from names and weights: ``res4b1`` to ``res4b22``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from layergraph.analyze.blocks import Block
from layergraph.analyze.comparison.matching import arguments
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes
from layergraph.issues import Issue


class _Profile(NamedTuple):
    """The properties in which alike blocks agree: their rows, and their inputs from before the block."""

    rows: list[Any]
    entries: list[tuple[str, int]]


def find_runs(
    lgraph: LayerGraph, sizes: InferredSizes, issues: Sequence[Issue], blocks: Sequence[Block]
) -> list[list[Block]]:
    """Split consecutive blocks into runs of alike ones; most runs are a single block.

    Blocks are alike if their layers have the same types, arguments, sizes, findings and connections. In a
    run, each block takes its inputs from the same positions of the block before it, and only the last
    block feeds layers after the run.

    >>> from layergraph.analyze import analyze_network
    >>> from layergraph.analyze.blocks import blocks
    >>> from layergraph.builders.backbones import resnet50
    >>> lgraph = resnet50()
    >>> runs = find_runs(lgraph, analyze_network(lgraph).inferred_sizes, (), blocks(lgraph))
    >>> [(run[0].name, len(run)) for run in runs if len(run) > 1]
    [('res2b', 2), ('res3b', 3), ('res4b', 5), ('res5b', 2)]
    """
    codes: dict[str, list[str]] = {}
    for issue in issues:
        codes.setdefault(issue.layer, []).append(issue.code)
    position = {name: index for index, name in enumerate(lgraph.order)}
    runs: list[list[Block]] = []
    last: _Profile | None = None
    for block in blocks:
        profile = _Profile(_rows(lgraph, sizes, codes, position, block), _entries(lgraph, position, block))
        if (
            last
            and profile.rows == last.rows
            and _continues(lgraph, position, runs[-1], block, profile.entries, last.entries)
        ):
            runs[-1].append(block)
        else:
            runs.append([block])
        last = profile
    return runs


def _rows(
    lgraph: LayerGraph,
    sizes: InferredSizes,
    codes: Mapping[str, Sequence[str]],
    position: Mapping[str, int],
    block: Block,
) -> list[Any]:
    """The layers of a block without their names: types, arguments, sizes, findings and connections."""
    start = position[block.layers[0]]
    outside: dict[Any, str] = {}  # outputs before the block, numbered as they occur
    rows = []
    for name in block.layers:
        layer = lgraph[name]
        sources = []
        for port, end in lgraph.sources(name).items():
            offset = position[end.layer] - start
            source = offset if offset >= 0 else outside.setdefault(end, f"outside {len(outside)}")
            sources.append((port, source, end.port))
        rows.append((type(layer), sizes.outputs[name], codes.get(name, []), sources, arguments(layer)))
    return rows


def _entries(lgraph: LayerGraph, position: Mapping[str, int], block: Block) -> list[tuple[str, int]]:
    """The outputs before a block that feed it: the port, and how far before its start (a negative number)."""
    start = position[block.layers[0]]
    return [
        (end.port, position[end.layer] - start)
        for name in block.layers
        for end in lgraph.sources(name).values()
        if position[end.layer] < start
    ]


def _continues(
    lgraph: LayerGraph,
    position: Mapping[str, int],
    run: Sequence[Block],
    block: Block,
    entries: Sequence[tuple[str, int]],
    last_entries: Sequence[tuple[str, int]],
) -> bool:
    """Whether a block that looks like those of a run is also connected as its next one."""
    length = len(block.layers)
    if not entries or any(offset < -length for _, offset in entries):
        return False
    # the first block of a run may be fed from other positions: nothing alike is before it
    if len(run) > 1 and entries != last_entries:
        return False
    end = position[block.layers[-1]]
    return all(position[to.layer] <= end for name in run[-1].layers for _, to in lgraph.destinations(name))
