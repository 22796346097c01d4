"""The command that lists the builders and their arguments."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, Literal

import typer

from layergraph.builders import BUILDERS, find_builder
from layergraph.cli.builder_options import argument_texts, help_records
from layergraph.cli.output_files import write_text
from layergraph.json_text import json_text
from layergraph.tables import Table


def builders(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="List the options of this builder.")
    ] = None,
    *,
    format_: Annotated[
        Literal["table", "json"], typer.Option("--format", help="A table, or JSON for programs.")
    ] = "table",
) -> None:
    """List the builders of networks, or the options of one.

    Example: layergraph builders deeplabv3plus
    """
    if name is None:
        rows = [{"name": builder.name, "summary": builder.summary} for builder in BUILDERS.values()]
        table = Table({column: [row[column] for row in rows] for column in rows[0]})
        write_text(json_text(rows, indent=2) if format_ == "json" else str(table), None, format_=format_)
        return
    builder = find_builder(name)
    if format_ == "json":
        texts = argument_texts(builder.function)
        arguments = [_described(argument, texts) for argument in builder.parameters.values()]
        values = {"name": name, "summary": builder.summary, "arguments": arguments}
        write_text(json_text(values, indent=2), None, format_="json")
        return
    # the formatter of --help, so that options look the same in both
    formatter = context.make_formatter()
    formatter.write_text(builder.summary)
    with formatter.section("Options"):
        formatter.write_dl(help_records(builder, context))
    print(formatter.getvalue(), end="")


def _described(argument: inspect.Parameter, texts: dict[str, str]) -> dict[str, Any]:
    required = argument.default is inspect.Parameter.empty
    return {
        "name": argument.name,
        "required": required,
        "default": None if required else argument.default,
        "help": texts.get(argument.name, ""),
    }
