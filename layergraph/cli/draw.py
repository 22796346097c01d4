"""The command that draws a network, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from layergraph.cli.network_command import NetworkArgument, network
from layergraph.cli.output_files import print_path
from layergraph.errors import LayergraphError
from layergraph.wording import visible


def diagram(
    context: typer.Context,
    network_: NetworkArgument,
    *,
    output: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="The file; its extension gives the format: .svg, .png, .pdf or .dot."
        ),
    ],
    direction: Annotated[
        Literal["vertical", "horizontal"],
        typer.Option(help="Draw downwards, with a network that returns to its size as a U; or to the right."),
    ] = "vertical",
    detail: Annotated[
        Literal["blocks", "layers"],
        typer.Option(help="One box per series of layers of the same resolution, or per layer."),
    ] = "blocks",
    fold: Annotated[
        str,
        typer.Option(
            metavar="auto|all|none|BLOCKS",
            help="Blocks to draw as one box each: by the size of the network, all, none, or those with these "
            "names, such as 'res*,aspp'.",
        ),
    ] = "auto",
    sizes: Annotated[
        Literal["boxes", "edges", "both"],
        typer.Option(help="Write sizes into boxes, at edges where they change, or both."),
    ] = "boxes",
    theme: Annotated[
        Literal["light", "dark", "auto"],
        typer.Option(help="Light, dark, or (SVG) that of the reader's screen."),
    ] = "light",
    title: Annotated[str, typer.Option(metavar="TEXT", help="A heading.")] = "",
) -> None:
    """Draw a network as a diagram.

    It shows types of layers by color, sizes, skip connections and issues. SVG, PNG and DOT always
    work, PDF needs Graphviz or the extra pdf.

    Example: layergraph diagram segnet --image-size 360 480 3 --num-classes 11 --encoder-depth 4
    --output segnet.svg
    """
    from layergraph.analyze import plot

    # before the network is built, which can take longer
    if not output.suffix:
        raise LayergraphError(
            f"--output must have the extension of a format, such as {visible(str(output))}.svg"
        )
    plot(
        network(network_, context.args),
        direction=direction,
        detail=detail,
        fold=[name.strip() for name in fold.split(",")],
        sizes=sizes,
        theme=theme,
        title=title,
    ).save(output)
    print_path(output)
