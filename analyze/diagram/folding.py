"""Choose the blocks of a network that a diagram folds into one box each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from layergraph.analyze.blocks import Block, blocks
from layergraph.analyze.diagram.repeats import find_runs
from layergraph.analyze.diagram.stacks import Arrangement, Part, arrange
from layergraph.errors import ArgumentError, did_you_mean
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes
from layergraph.issues import Issue
from layergraph.wording import quoted

_MOST_STACKS, _MOST_LAYERS = 20, 150  # of a network that "auto" draws in full
_MOST_ROWS = 6  # of a block that "auto" draws in full beside folded ones
_MOST_BOXES = 100  # beyond it several blocks share a box


def find_parts(
    lgraph: LayerGraph,
    sizes: InferredSizes,
    issues: Sequence[Issue],
    patterns: Sequence[str],
    *,
    series: bool,
) -> Sequence[Part]:
    """The parts of a drawing for ``plot(fold=...)``; none where a network is drawn in full.

    1. Choose the blocks to fold. ``"auto"`` folds blocks with branches or many rows: a short series is as
       easy to read as the box that would replace it.
    2. Merge consecutive folded blocks that are exactly alike, and for ``"auto"`` as many others as
       keep the number of boxes readable and quick to draw.
    3. Frame the blocks that stay open, where a frame has several boxes to hold together.

    Args:
        lgraph, sizes, issues: the network, its sizes and its findings.
        patterns: ``["auto"]``, ``["all"]``, ``["none"]``, or patterns for names of blocks.
        series: whether series of layers share a box (``detail="blocks"``).

    Raises:
        ArgumentError: no block matches a pattern.
    """
    (only,) = patterns if len(patterns) == 1 else ("",)
    if only == "auto" and (not series or _is_small(lgraph, arrange(lgraph, sizes, series=True))):
        return ()
    every = blocks(lgraph)
    if only == "none":
        folded: list[Block] = []
    elif only == "all":
        folded = [block for block in every if len(block.layers) > 1]
    elif only == "auto":
        folded = _large_blocks(lgraph, sizes, every)
    else:
        folded = _matching_blocks(every, patterns)
    parts = _parts(lgraph, sizes, issues, every, folded)
    if only == "auto" and len(parts) > _MOST_BOXES:
        parts = _merge(parts, -(-len(parts) // _MOST_BOXES))
    return _remove_needless_frames(lgraph, sizes, parts, series)


def _is_small(lgraph: LayerGraph, arrangement: Arrangement) -> bool:
    return len(arrangement.stacks) <= _MOST_STACKS and len(lgraph) <= _MOST_LAYERS


def _large_blocks(lgraph: LayerGraph, sizes: InferredSizes, every: Sequence[Block]) -> list[Block]:
    """Blocks with branches, or with many rows; a short series is drawn in full."""
    frames = [Part(block.name, block.layers, "frame") for block in every]
    arrangement = arrange(lgraph, sizes, series=True, parts=frames)
    large = []
    for block in every:
        stacks = [arrangement.stacks[index] for index in arrangement.frames[block.name]]
        if len(stacks) > 1 or sum(len(stack.rows) for stack in stacks) > _MOST_ROWS:
            large.append(block)
    return large


def _matching_blocks(every: Sequence[Block], patterns: Sequence[str]) -> list[Block]:
    for pattern in patterns:
        if not any(fnmatchcase(block.name, pattern) for block in every):
            names = [block.name for block in every]
            raise ArgumentError(
                "plot: fold must be 'auto', 'all', 'none', or names of blocks of this network, "
                f"got {quoted(pattern)}{did_you_mean(pattern, [*names, 'auto', 'all', 'none'])}"
            )
    return [block for block in every if any(fnmatchcase(block.name, pattern) for pattern in patterns)]


def _parts(
    lgraph: LayerGraph,
    sizes: InferredSizes,
    issues: Sequence[Issue],
    every: Sequence[Block],
    folded: Sequence[Block],
) -> list[Part]:
    """One part per block, and one per run of alike blocks that are folded."""
    names = {block.name for block in folded}
    parts: list[Part] = []
    for run in find_runs(lgraph, sizes, issues, every):
        if len(run) > 1 and all(block.name in names for block in run):
            layers = tuple(layer for block in run for layer in block.layers)
            heading = f"{run[0].name} … {run[-1].name}"
            parts.append(Part(heading, layers, "folded", times=len(run), blocks=len(run)))
        else:
            parts += (
                Part(block.name, block.layers, "folded" if block.name in names else "frame") for block in run
            )
    return parts


def _merge(parts: Sequence[Part], count: int) -> list[Part]:
    """Merge each ``count`` consecutive parts into one."""
    merged = []
    for start in range(0, len(parts), count):
        group = parts[start : start + count]
        layers = tuple(layer for part in group for layer in part.layers)
        first, last = group[0].name.partition(" … ")[0], group[-1].name.rpartition(" … ")[2]
        merged.append(Part(f"{first} … {last}", layers, "folded", blocks=sum(part.blocks for part in group)))
    return merged


def _remove_needless_frames(
    lgraph: LayerGraph, sizes: InferredSizes, parts: Sequence[Part], series: bool
) -> list[Part]:
    """Keep frames only around several boxes on one side of the drawing."""
    arrangement = arrange(lgraph, sizes, series=series, parts=parts)
    names = Counter(part.name for part in parts)
    kept = []
    for part in parts:
        if part.form == "frame":
            inside = [arrangement.stacks[index] for index in arrangement.frames[part.name]]
            # a frame across the U would tear it apart, and frames of one name would share their boxes
            if len(inside) < 2 or len({stack.side for stack in inside}) > 1 or names[part.name] > 1:
                part = replace(part, form="loose")
        kept.append(part)
    return kept
