"""Which blocks of a network a diagram folds into one box each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from layergraph.analyze.blocks import Block, blocks
from layergraph.analyze.diagram.repeats import runs_of
from layergraph.analyze.diagram.stacks import Drawing, Part, arrange
from layergraph.errors import ArgumentError, did_you_mean
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes
from layergraph.issues import Issue

_MOST_STACKS, _MOST_LAYERS = 20, 150  # what is drawn in full unless something else is asked for
_MOST_ROWS = 6  # a block with more rows is folded with the others
_MOST_BOXES = 100  # beyond it several blocks share a box


def fold(
    lgraph: LayerGraph, sizes: InferredSizes, issues: Sequence[Issue], wanted: Sequence[str], *, series: bool
) -> Sequence[Part]:
    """The parts of a drawing for ``plot(fold=...)``; none where a network is drawn in full.

    Args:
        lgraph, sizes, issues: the network, and what is known of it.
        wanted: ``["auto"]``, ``["all"]``, ``["none"]``, or patterns for names of blocks.
        series: whether series of layers share a box (``detail="blocks"``).

    Raises:
        ArgumentError: a pattern that no block fits.
    """
    (only,) = wanted if len(wanted) == 1 else ("",)
    if only == "auto" and (not series or _is_small(lgraph, arrange(lgraph, sizes, blocks=True))):
        return ()
    found = blocks(lgraph)
    if only == "none":
        folded: list[Block] = []
    elif only == "all":
        folded = [block for block in found if len(block.layers) > 1]
    elif only == "auto":
        folded = _large(lgraph, sizes, found)
    else:
        folded = _chosen(found, wanted)
    parts = _parts(lgraph, sizes, issues, found, folded)
    if only == "auto" and len(parts) > _MOST_BOXES:
        parts = _joined(parts, -(-len(parts) // _MOST_BOXES))
    return _framed(lgraph, sizes, parts, series)


def _is_small(lgraph: LayerGraph, drawing: Drawing) -> bool:
    return len(drawing.stacks) <= _MOST_STACKS and len(lgraph) <= _MOST_LAYERS


def _large(lgraph: LayerGraph, sizes: InferredSizes, found: Sequence[Block]) -> list[Block]:
    """Blocks with branches, or with many rows; what is one short series is drawn as it is."""
    alone = arrange(
        lgraph, sizes, blocks=True, parts=[Part(block.name, block.layers, "frame") for block in found]
    )
    rows = [sum(len(alone.stacks[index].rows) for index in alone.frames[block.name]) for block in found]
    return [
        block
        for block, count in zip(found, rows, strict=True)
        if len(alone.frames[block.name]) > 1 or count > _MOST_ROWS
    ]


def _chosen(found: Sequence[Block], patterns: Sequence[str]) -> list[Block]:
    for pattern in patterns:
        if not any(fnmatchcase(block.name, pattern) for block in found):
            names = [block.name for block in found]
            raise ArgumentError(
                f"plot: fold is 'auto', 'all', 'none', or names of blocks such as 'res4*'; no block is named "
                f"{pattern!r}{did_you_mean(pattern, [*names, 'auto', 'all', 'none'])}"
            )
    return [block for block in found if any(fnmatchcase(block.name, pattern) for pattern in patterns)]


def _parts(
    lgraph: LayerGraph,
    sizes: InferredSizes,
    issues: Sequence[Issue],
    found: Sequence[Block],
    folded: Sequence[Block],
) -> list[Part]:
    """A part a block, but one for a run of alike ones that are folded."""
    names = {block.name for block in folded}
    parts: list[Part] = []
    for run in runs_of(lgraph, sizes, issues, found):
        if run[0].name in names and len(run) > 1 and all(block.name in names for block in run):
            layers = tuple(layer for block in run for layer in block.layers)
            label = f"{run[0].name} … {run[-1].name}"
            parts.append(Part(label, layers, "folded", times=len(run), blocks=len(run)))
        else:
            parts += (
                Part(block.name, block.layers, "folded" if block.name in names else "frame") for block in run
            )
    return parts


def _joined(parts: Sequence[Part], count: int) -> list[Part]:
    """So many parts in a row as one: too many boxes cannot be read, nor drawn in time."""
    joined = []
    for start in range(0, len(parts), count):
        group = parts[start : start + count]
        layers = tuple(layer for part in group for layer in part.layers)
        first, last = group[0].name.partition(" … ")[0], group[-1].name.rpartition(" … ")[2]
        joined.append(Part(f"{first} … {last}", layers, "folded", blocks=sum(part.blocks for part in group)))
    return joined


def _framed(lgraph: LayerGraph, sizes: InferredSizes, parts: Sequence[Part], series: bool) -> list[Part]:
    """Frames only where there is something to hold together: several boxes on one side of the drawing."""
    drawing = arrange(lgraph, sizes, blocks=series, parts=parts)
    names = Counter(part.name for part in parts)
    framed = []
    for part in parts:
        if part.shown == "frame":
            inside = [drawing.stacks[index] for index in drawing.frames[part.name]]
            if len(inside) < 2 or len({stack.side for stack in inside}) > 1 or names[part.name] > 1:
                part = replace(part, shown="loose")
        framed.append(part)
    return framed
