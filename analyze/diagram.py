"""Diagrams: a network as a drawing, U-shaped where the network is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

from layergraph.analyze.dot import Detail, Direction, draw
from layergraph.analyze.rendering import Diagram
from layergraph.analyze.subject import layer_graph_of
from layergraph.errors import LayerArgumentError
from layergraph.graph import LayerGraph
from layergraph.layers import Layer
from layergraph.propagation import propagate

if TYPE_CHECKING:
    from layergraph.network import Network


def plot(
    lgraph: LayerGraph | Network | Layer | Iterable[Layer],
    output: str | os.PathLike[str] | None = None,
    *,
    format: str | None = None,
    direction: Direction = "vertical",
    detail: Detail = "blocks",
    title: str = "",
) -> Diagram:
    """Draw a network (MATLAB ``plot(lgraph)``); faulty ones too, with the errors in red.

    Args:
        lgraph: a layer graph, a compiled network, or a sequence of layers.
        output: a file to write; its suffix says the format.
        format: the format of the file, whatever its suffix: ``"svg"``, ``"png"``, ``"dot"``, ``"pdf"``, ...
        direction: ``"vertical"``: downwards, and a network that comes back to its resolution as a U;
            ``"horizontal"``: from left to right.
        detail: ``"blocks"`` draws a series of layers at one resolution as one box with a line for each
            convolution, and what follows it; ``"layers"`` a box a layer.
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
    ):
        if value not in known:
            raise LayerArgumentError(f"plot: {argument} is {' or '.join(map(repr, known))}, got {value!r}")
    # what feeds nothing is no fault in a picture: a part of a network may be drawn, too
    diagram = draw(graph, propagate(graph, "network"), direction=direction, detail=detail, title=title)
    if output is not None:
        diagram.write(output, format)
    return diagram


def diagram_source(
    lgraph: LayerGraph | Network | Layer | Iterable[Layer],
    *,
    direction: Direction = "vertical",
    detail: Detail = "blocks",
    title: str = "",
) -> str:
    """The diagram in Graphviz's DOT language; arguments and errors as for :func:`plot`."""
    return str(plot(lgraph, direction=direction, detail=detail, title=title).source)


def save_diagram(
    lgraph: LayerGraph | Network | Layer | Iterable[Layer],
    path: str | os.PathLike[str],
    *,
    direction: Direction = "vertical",
    detail: Detail = "blocks",
    title: str = "",
) -> None:
    """Write the diagram to a file: SVG, PNG or DOT by its suffix, with Graphviz installed PDF and others too.

    Arguments and errors as for :func:`plot`; an error leaves an older file as it was.
    """
    plot(lgraph, path, direction=direction, detail=detail, title=title)
