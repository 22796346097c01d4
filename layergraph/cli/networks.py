"""The commands that look at a network: analyze and diagram. Neither imports torch."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from layergraph.cli.arguments import network, with_builder_arguments
from layergraph.cli.output import say_written, write_text
from layergraph.errors import LayergraphError

NetworkArgument = Annotated[
    str,
    typer.Argument(
        metavar="NETWORK",
        help="A builder, such as unet (layergraph builders lists them), or a file that layergraph saved.",
    ),
]


class Format(StrEnum):
    """How an analysis is written."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    html = "html"


class Usage(StrEnum):
    """What a network is for."""

    train_network = "train_network"
    network = "network"


_SUFFIXES = {".json": Format.json, ".csv": Format.csv, ".md": Format.markdown, ".html": Format.html}


@with_builder_arguments
def analyze(
    network_: NetworkArgument,
    *,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", help="How to write it; by default what the ending of --output says, or a table."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this file instead of the terminal.")
    ] = None,
    target_usage: Annotated[
        Usage, typer.Option(help="For training, which needs a loss; or a network that only computes.")
    ] = Usage.train_network,
    arguments: dict[str, Any],
) -> None:
    """Show every layer of a network: sizes, learnables, and what is wrong. Needs no training and no memory.

    Exit status 1 if the network has errors.

    [bold]Example:[/bold] layergraph analyze unet --image-size 480 640 3 --num-classes 5 --encoder-depth 3
    """
    from layergraph.analyze import analyze_network

    lgraph = network(network_, arguments)
    analysis = analyze_network(lgraph, name=Path(network_).stem, target_usage=target_usage.value)
    form = format_ or _SUFFIXES.get(output.suffix.lower() if output else "", Format.table)
    if form is Format.table and output is None:
        print(analysis)
    else:
        writers = {
            Format.table: analysis.to_text,
            Format.json: analysis.to_json,
            Format.csv: analysis.to_csv,
            Format.markdown: analysis.to_markdown,
            Format.html: analysis.to_html,
        }
        write_text(writers[form](), output)
    if analysis.num_errors:
        raise typer.Exit(1)


@with_builder_arguments
def diagram(
    network_: NetworkArgument,
    *,
    output: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Where to; the ending says the format: .svg, .png, .pdf, .dot."),
    ],
    arguments: dict[str, Any],
) -> None:
    """Draw a network: kinds of layers by colour, sizes on the nodes, skip connections across.

    SVG and DOT work everywhere; what else does depends on Graphviz being installed.

    [bold]Example:[/bold] layergraph diagram segnet --image-size 360 480 3 --num-classes 11 --encoder-depth 4
    --output segnet.svg
    """
    from layergraph.analyze import save_diagram

    if not output.suffix:
        raise LayergraphError(f"--output needs an ending that says the format, such as {output}.svg")
    save_diagram(network(network_, arguments), output)
    say_written(output)
