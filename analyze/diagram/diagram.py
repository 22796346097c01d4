"""Diagrams: a network as a drawing, U-shaped where the network is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

from layergraph.analyze.analysis import analyze_network
from layergraph.analyze.diagram.dot import Detail, Direction, Sizes, draw
from layergraph.analyze.diagram.folding import fold as folded
from layergraph.analyze.diagram.rendering import Diagram
from layergraph.analyze.diagram.stacks import arrange
from layergraph.analyze.diagram.themes import Theme, palette_of
from layergraph.analyze.network_argument import layer_graph_of
from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Layer

if TYPE_CHECKING:
    from layergraph.network.network import Network


def plot(
    lgraph: LayerGraph | Network | Layer | Iterable[Layer],
    output: str | os.PathLike[str] | None = None,
    *,
    format: str | None = None,
    direction: Direction = "vertical",
    detail: Detail = "blocks",
    fold: str | Iterable[str] = "auto",
    sizes: Sizes = "boxes",
    theme: Theme = "light",
    title: str = "",
) -> Diagram:
    """Draw a network (MATLAB ``plot(lgraph)``); faulty ones too, with the findings in place.

    Args:
        lgraph: a layer graph, a compiled network, or a sequence of layers.
        output: a file to write; its suffix says the format.
        format: the format of a file without a suffix: ``"svg"``, ``"png"``, ``"dot"``, ``"pdf"``, ...
        direction: ``"vertical"``: downwards, and a network that comes back to its resolution as a U;
            ``"horizontal"``: from left to right.
        detail: ``"blocks"`` draws a series of layers at one resolution as one box with a line for each
            convolution, and what follows it; ``"layers"`` a box a layer.
        fold: which blocks, such as ``res3a``, are one box each that says what is in them; exactly alike
            ones in a row share one. ``"auto"``: small networks in full, of others all blocks with branches
            or many layers; ``"all"``; ``"none"``; or names of blocks, with ``*`` for any text:
            ``["res*", "aspp"]``. A block that is not folded stands in a frame with its name.
        sizes: where sizes stand: in the ``"boxes"``; at the ``"edges"``, where they change; or ``"both"``.
        theme: ``"light"``, ``"dark"``, or ``"auto"``: light, and an SVG dark where the reader's screen is.
        title: a heading.

    Returns:
        A ``graphviz.Digraph`` that notebooks show; ``write(path)`` and ``to_svg()`` draw it elsewhere.

    Raises:
        WrongTypeError: something else than a network.
        LayergraphError: an unknown option or format, or no program to draw with (only when drawn).

    >>> from layergraph.builders import unet_layers
    >>> lgraph, _ = unet_layers((64, 64, 1), 2, encoder_depth=2)
    >>> plot(lgraph).to_svg()[:5]
    '<?xml'
    """
    graph = layer_graph_of(lgraph, "plot")
    for argument, value, known in (
        ("direction", direction, get_args(Direction)),
        ("detail", detail, get_args(Detail)),
        ("sizes", sizes, get_args(Sizes)),
        ("theme", theme, get_args(Theme)),
    ):
        if value not in known:
            choices = f"{', '.join(map(repr, known[:-1]))} or {known[-1]!r}"
            raise ArgumentError(f"plot: {argument} is {choices}, got {value!r}")
    # what feeds nothing is no fault in a picture: a part of a network may be drawn, too
    analysis = analyze_network(graph, target_usage="network")
    found, series = analysis.inferred_sizes, detail == "blocks"
    parts = folded(graph, found, analysis.issues, _wanted(fold), series=series)
    drawing = arrange(graph, found, blocks=series, parts=parts)
    diagram = draw(analysis, drawing, palette_of(theme), direction=direction, sizes=sizes, title=title)
    diagram.follows_screen = theme == "auto"
    if output is not None:
        diagram.write(output, format)
    return diagram


def _wanted(fold: str | Iterable[str]) -> list[str]:
    wanted = [fold] if isinstance(fold, str) else list(fold)
    if not wanted or not all(isinstance(pattern, str) for pattern in wanted):
        raise ArgumentError(f"plot: fold is 'auto', 'all', 'none' or names of blocks, got {fold!r}")
    return wanted


def diagram_source(
    lgraph: LayerGraph | Network | Layer | Iterable[Layer],
    *,
    direction: Direction = "vertical",
    detail: Detail = "blocks",
    fold: str | Iterable[str] = "auto",
    sizes: Sizes = "boxes",
    theme: Theme = "light",
    title: str = "",
) -> str:
    """The diagram in Graphviz's DOT language; arguments and errors as for :func:`plot`."""
    diagram = plot(
        lgraph, direction=direction, detail=detail, fold=fold, sizes=sizes, theme=theme, title=title
    )
    return str(diagram.source)


def save_diagram(
    lgraph: LayerGraph | Network | Layer | Iterable[Layer],
    path: str | os.PathLike[str],
    *,
    direction: Direction = "vertical",
    detail: Detail = "blocks",
    fold: str | Iterable[str] = "auto",
    sizes: Sizes = "boxes",
    theme: Theme = "light",
    title: str = "",
) -> None:
    """Write the diagram to a file: SVG, PNG or DOT by its suffix, with Graphviz installed PDF and others too.

    Arguments and errors as for :func:`plot`; an error leaves an older file as it was.
    """
    plot(lgraph, path, direction=direction, detail=detail, fold=fold, sizes=sizes, theme=theme, title=title)
