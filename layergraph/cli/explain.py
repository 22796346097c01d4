"""The command that explains the size of a layer, without torch."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from layergraph.cli.network_command import NetworkArgument, network
from layergraph.cli.output_files import OutputOption, format_for, write_text
from layergraph.json_text import json_text

Format = Literal["text", "json"]

_EXTENSIONS: dict[Format, tuple[str, ...]] = {"text": (".txt",), "json": (".json", ".txt")}


def explain(
    context: typer.Context,
    network_: NetworkArgument,
    layer: Annotated[
        str,
        typer.Argument(metavar="LAYER", help="The name of a layer, or LAYER/PORT for one of its outputs."),
    ],
    *,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Only the last N layers of the path; by default all, from the input on."
        ),
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="The format; by default that of the extension of --output, or text."),
    ] = None,
    output: OutputOption = None,
) -> None:
    """Explain the size of a layer, number by number.

    Shows the arithmetic of every layer on the path to it. Exit status 1 if a layer on the path cannot take
    its inputs.

    Example: layergraph explain fcn conv1_1 --image-size 360 480 3 --num-classes 11
    """
    # here the name is that of the library's function, not of this command
    from layergraph.analyze import explain

    # before the network is built, so that a wrong --output fails at once
    form = format_for(output, format_, _EXTENSIONS, "text")
    explanation = explain(network(network_, context.args), layer, steps=steps)
    if form == "json":
        write_text(json_text(explanation.to_dict()), output, format_="json")
    elif output is None:
        explanation.show()
    else:
        write_text(str(explanation), output)
    # after the output: the arithmetic shows where the sizes stop fitting
    if explanation.has_errors:
        raise typer.Exit(1)
