"""Draw a network as a diagram, U-shaped where the network is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

from layergraph.analyze.analysis import analyze_network
from layergraph.analyze.diagram.dot import Detail, Direction, Sizes, draw
from layergraph.analyze.diagram.folding import find_parts
from layergraph.analyze.diagram.rendering import Diagram
from layergraph.analyze.diagram.stacks import arrange
from layergraph.analyze.diagram.themes import Theme
from layergraph.analyze.network_argument import layer_graph_of
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Layer
from layergraph.wording import quoted

if TYPE_CHECKING:
    from layergraph.network.network import Network


def plot(
    lgraph: LayerGraph | Network | Layer | Iterable[Layer],
    *,
    direction: Direction = "vertical",
    detail: Detail = "blocks",
    fold: str | Iterable[str] = "auto",
    sizes: Sizes = "boxes",
    theme: Theme = "light",
    title: str = "",
) -> Diagram:
    """Draw a network (MATLAB ``plot(lgraph)``), also one with errors, with the findings at their layers.

    Args:
        lgraph: a layer graph, a compiled network, or a sequence of layers.
        direction: ``"vertical"`` draws downward, and a network that returns to its resolution as a U;
            ``"horizontal"`` draws from left to right.
        detail: ``"blocks"`` draws a series of layers at one resolution as one box, with one line for each
            convolution and the layers that follow it; ``"layers"`` draws one box per layer.
        fold: which blocks, such as ``res3a``, are drawn as one box that lists their contents; consecutive
            blocks that are exactly alike share a box. ``"auto"`` folds nothing in a small network, and in
            others all blocks with branches or many layers; ``"all"``; ``"none"``; or names of blocks, with
            ``*`` for any text: ``["res*", "aspp"]``. A frame with its name surrounds any other block.
        sizes: whether sizes are written in the ``"boxes"``, at the ``"edges"`` where they change, or in
            ``"both"``.
        theme: ``"light"``, ``"dark"``, or ``"auto"``: light, and in SVG dark on a dark screen.
        title: a heading.

    Returns:
        A :class:`Diagram`, which notebooks show and ``save(path)`` writes to a file.

    Raises:
        WrongTypeError: ``lgraph`` is no network.
        ArgumentError: an unknown option.

    >>> from layergraph.builders import unet_layers
    >>> lgraph = unet_layers((64, 64, 1), 2, encoder_depth=2)
    >>> plot(lgraph).to_svg()[:5]
    '<?xml'
    """
    graph = layer_graph_of(lgraph, "plot")
    for argument, value, choices in (
        ("direction", direction, get_args(Direction)),
        ("detail", detail, get_args(Detail)),
        ("sizes", sizes, get_args(Sizes)),
        ("theme", theme, get_args(Theme)),
    ):
        if value not in choices:
            expected = f"{', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}"
            raise ArgumentError(f"plot: {argument} must be {expected}, got {quoted(value)}")
    # "network": a part of a network can be drawn too, and its open ends are no errors
    analysis = analyze_network(graph, target_usage="network")
    inferred_sizes, series = analysis.inferred_sizes, detail == "blocks"
    parts = find_parts(graph, inferred_sizes, analysis.issues, _patterns(fold), series=series)
    arrangement = arrange(graph, inferred_sizes, series=series, parts=parts)
    return draw(analysis, arrangement, direction=direction, sizes=sizes, theme=theme, title=title)


def _patterns(fold: str | Iterable[str]) -> list[str]:
    patterns = [fold] if isinstance(fold, str) else list(fold)
    if not patterns or not all(isinstance(pattern, str) for pattern in patterns):
        raise ArgumentError(
            f"plot: fold must be 'auto', 'all', 'none' or names of blocks, got {quoted(fold)}"
        )
    return patterns
