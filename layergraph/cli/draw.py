"""The command that draws a network. It does not import torch."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from layergraph.cli.analyze import NetworkArgument
from layergraph.cli.builder_options import network, with_builder_arguments
from layergraph.cli.writing import say_written
from layergraph.errors import LayergraphError
from layergraph.wording import visible


class Direction(StrEnum):
    """Where a drawing goes."""

    vertical = "vertical"
    horizontal = "horizontal"


class Detail(StrEnum):
    """What is one box."""

    blocks = "blocks"
    layers = "layers"


class Sizes(StrEnum):
    """Where sizes stand."""

    boxes = "boxes"
    edges = "edges"
    both = "both"


class Theme(StrEnum):
    """The colours."""

    light = "light"
    dark = "dark"
    auto = "auto"


@with_builder_arguments
def diagram(
    network_: NetworkArgument,
    *,
    output: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Where to; the ending says the format: .svg, .png, .pdf, .dot."),
    ],
    direction: Annotated[
        Direction,
        typer.Option(help="Downwards, and as a U where a network comes back to its size; or rightwards."),
    ] = Direction.vertical,
    detail: Annotated[
        Detail, typer.Option(help="A box for a series of layers at one resolution, or for each layer.")
    ] = Detail.blocks,
    fold: Annotated[
        str,
        typer.Option(
            metavar="auto|all|none|BLOCKS",
            help="Which blocks are one box each: by the size of the network, all, none, or names with * for "
            "any text, such as 'res*,aspp'.",
        ),
    ] = "auto",
    sizes: Annotated[
        Sizes, typer.Option(help="Sizes in the boxes, at the edges where they change, or both.")
    ] = Sizes.boxes,
    theme: Annotated[
        Theme, typer.Option(help="Light, dark, or (SVG) as the reader's screen is set.")
    ] = Theme.light,
    title: Annotated[str, typer.Option(metavar="TEXT", help="A heading.")] = "",
    arguments: dict[str, Any],
) -> None:
    """Draw a network: kinds of layers by colour, sizes, skip connections at the side, findings in place.

    SVG and DOT work everywhere; what else does depends on Graphviz being installed.

    [bold]Example:[/bold] layergraph diagram segnet --image-size 360 480 3 --num-classes 11 --encoder-depth 4
    --output segnet.svg
    """
    from layergraph.analyze import plot

    if not output.suffix:
        raise LayergraphError(
            f"--output needs an ending that says the format, such as {visible(str(output))}.svg"
        )
    plot(
        network(network_, arguments),
        direction=direction.value,
        detail=detail.value,
        fold=[name.strip() for name in fold.split(",")],
        sizes=sizes.value,
        theme=theme.value,
        title=title,
    ).save(output)
    say_written(output)
