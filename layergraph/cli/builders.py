"""The command that lists the builders and their arguments."""

from __future__ import annotations

import inspect
import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from layergraph.builders import BUILDERS, find_builder
from layergraph.cli.builder_options import ARGUMENT_HELP, option_name
from layergraph.cli.writing import write_text
from layergraph.tables import Table


class Format(StrEnum):
    """How a list is written."""

    table = "table"
    json = "json"


def builders(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show the arguments of this builder.")
    ] = None,
    *,
    format_: Annotated[
        Format, typer.Option("--format", help="A table, or JSON for programs.")
    ] = Format.table,
) -> None:
    """List the networks that can be built by name, or the arguments of one.

    [bold]Example:[/bold] layergraph builders deeplabv3plus
    """
    if name is None:
        rows = [{"name": builder.name, "summary": builder.summary} for builder in BUILDERS.values()]
        text = json.dumps(rows, indent=2) if format_ is Format.json else str(table_of(rows))
        write_text(text, None, kind=format_.value)
        return
    builder = find_builder(name)
    described = [_argument(argument) for argument in builder.parameters.values()]
    if format_ is Format.json:
        values = {"name": name, "summary": builder.summary, "arguments": described}
        write_text(json.dumps(values, indent=2), None, kind="json")
        return
    print(f"{name}: {builder.summary}\n")
    print(table_of([_row(argument) for argument in described]))


def _argument(parameter: inspect.Parameter) -> dict[str, Any]:
    required = parameter.default is inspect.Parameter.empty
    return {
        "name": parameter.name,
        "required": required,
        "default": None if required else parameter.default,
        "help": ARGUMENT_HELP[parameter.name][1],
    }


def _row(argument: dict[str, Any]) -> dict[str, Any]:
    option = f"{option_name(argument['name'])} {ARGUMENT_HELP[argument['name']][0]}".strip()
    default = "required" if argument["required"] else str(argument["default"])
    return {"option": option, "default": default, "meaning": argument["help"]}


def table_of(rows: list[dict[str, Any]]) -> Table:
    """Rows with equal keys as a table."""
    return Table({column: [row[column] for row in rows] for column in rows[0]})
