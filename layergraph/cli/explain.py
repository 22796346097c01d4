"""The command that says where a layer's size comes from. It does not import torch."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from layergraph.cli.analyze import NetworkArgument
from layergraph.cli.builder_options import network, with_builder_arguments
from layergraph.cli.writing import OutputOption, format_for, write_text
from layergraph.json_text import json_text


class Format(StrEnum):
    """How an explanation is written."""

    text = "text"
    json = "json"


_EXTENSIONS = {Format.text: (".txt",), Format.json: (".json", ".txt")}


@with_builder_arguments
def explain(
    network_: NetworkArgument,
    layer: Annotated[
        str,
        typer.Argument(metavar="LAYER", help="The name of a layer, or LAYER/PORT for one of its outputs."),
    ],
    *,
    steps: Annotated[
        int | None,
        typer.Option(metavar="N", help="Only the last N layers on the way; by default all from the input."),
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", help="How to write it; by default what the ending of --output says, or text."
        ),
    ] = None,
    output: OutputOption = None,
    arguments: dict[str, Any],
) -> None:
    """Say where the size of a layer comes from: the arithmetic of every layer on the way, number by number.

    Exit status 1 if a layer on the way cannot take its inputs.

    [bold]Example:[/bold] layergraph explain fcn conv1_1 --image-size 360 480 3 --num-classes 11
    """
    from layergraph.analyze import explain

    form = format_for(output, format_, _EXTENSIONS, Format.text)
    explanation = explain(network(network_, arguments), layer, steps=steps)
    if form is Format.json:
        write_text(json_text(explanation.to_dict()), output, kind="json")
    elif output is None:
        explanation.show()
    else:
        write_text(str(explanation), output)
    if explanation.has_errors:
        raise typer.Exit(1)
