"""The command that analyzes a network. It does not import torch."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layergraph.cli.builder_options import network, with_builder_arguments
from layergraph.cli.table_options import with_table_options
from layergraph.cli.writing import OutputOption, format_for, write_text
from layergraph.errors import LayergraphError

if TYPE_CHECKING:
    from layergraph.analyze import NetworkAnalysis
    from layergraph.analyze.table.layer_table import LayerTable

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
    latex = "latex"
    html = "html"


class Usage(StrEnum):
    """What a network is for."""

    train_network = "train_network"
    network = "network"


_EXTENSIONS = {
    Format.table: (".txt",),
    Format.json: (".json", ".txt"),
    Format.csv: (".csv", ".txt"),
    Format.markdown: (".md", ".markdown", ".txt"),
    Format.latex: (".tex", ".txt"),
    Format.html: (".html", ".htm"),
}


@with_builder_arguments
@with_table_options
def analyze(
    network_: NetworkArgument,
    *,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", help="How to write it; by default what the ending of --output says, or a table."
        ),
    ] = None,
    output: OutputOption = None,
    target_usage: Annotated[
        Usage, typer.Option(help="For training, which needs a loss; or a network that only computes.")
    ] = Usage.train_network,
    table: dict[str, Any],
    arguments: dict[str, Any],
) -> None:
    """Show every layer of a network: sizes, learnables, and what is wrong. Needs no training and no memory.

    The options under "Table" choose columns, rows and order. Exit status 1 if the network has errors.

    [bold]Example:[/bold] layergraph analyze unet --image-size 480 640 3 --num-classes 5 --encoder-depth 3
    """
    from layergraph.analyze import analyze_network

    form = format_for(output, format_, _EXTENSIONS, Format.table)
    lgraph = network(network_, arguments)
    analysis = analyze_network(lgraph, name=Path(network_).stem, target_usage=target_usage.value)
    shown: NetworkAnalysis | LayerTable = analysis
    if table:
        if form is Format.html:
            raise LayergraphError("the page shows all layers; the options of the table are for other formats")
        shown = analysis.table(**table)
    if form is Format.table and output is None:
        shown.show()
    else:
        text = analysis.to_html() if form is Format.html else _written(shown, form)
        write_text(text, output, kind=form.value)
    if analysis.num_errors:
        if shown is not analysis:  # the table does not say what is wrong
            count = "1 error" if analysis.num_errors == 1 else f"{analysis.num_errors} errors"
            print(
                f"the network has {count}; without the options of the table they are listed", file=sys.stderr
            )
        raise typer.Exit(1)


def _written(shown: NetworkAnalysis | LayerTable, form: Format) -> str:
    writers: dict[Format, Callable[[], str]] = {
        Format.table: shown.to_text,
        Format.json: shown.to_json,
        Format.csv: shown.to_csv,
        Format.markdown: shown.to_markdown,
        Format.latex: shown.to_latex,
    }
    return writers[form]()
