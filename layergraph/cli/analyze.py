"""The command that analyzes a network, without torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from layergraph.cli.messages import print_note
from layergraph.cli.network_command import NetworkArgument, network
from layergraph.cli.output_files import OutputOption, format_for, write_text
from layergraph.errors import LayergraphError
from layergraph.wording import counted

if TYPE_CHECKING:
    from layergraph.analyze import NetworkAnalysis
    from layergraph.analyze.table.layer_table import LayerTable

Format = Literal["table", "json", "csv", "markdown", "latex", "html"]

_EXTENSIONS: dict[Format, tuple[str, ...]] = {
    "table": (".txt",),
    "json": (".json", ".txt"),
    "csv": (".csv", ".txt"),
    "markdown": (".md", ".markdown", ".txt"),
    "latex": (".tex", ".txt"),
    "html": (".html", ".htm"),
}
_TABLE = "Options of the table"


def analyze(
    context: typer.Context,
    network_: NetworkArgument,
    *,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", help="The format; by default that of the extension of --output, or a table."
        ),
    ] = None,
    output: OutputOption = None,
    target_usage: Annotated[
        Literal["train_network", "network"],
        typer.Option(help="Analyze a network for training, which needs a loss, or for inference alone."),
    ] = "train_network",
    columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME,...",
            help="Columns, such as name,type,size,num_learnables,multiply_adds; or all.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="[-]NAME,...",
            help="Columns to sort by; a minus puts the largest first.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    filter_: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="PATTERN",
            help="Only layers with such names, such as 'res3a*'. Can be repeated.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    layer_type: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Only layers of such types, such as convolution or '*pooling'. Can be repeated.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    block: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Only layers of such blocks, such as res3a. Can be repeated.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    group: Annotated[
        bool, typer.Option("--group", help="One row per block, such as res3a*.", rich_help_panel=_TABLE)
    ] = False,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Batch size for multiply-adds and bytes; by default 1.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Data type for bytes, such as float16; by default float32.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
) -> None:
    """List the layers of a network, their sizes, and its issues.

    Needs no weights and no torch. Exit status 1 if the network has errors.

    Example: layergraph analyze unet --image-size 480 640 3 --num-classes 5 --encoder-depth 3
    """
    from layergraph.analyze import analyze_network

    form = format_for(output, format_, _EXTENSIONS, "table")
    lgraph = network(network_, context.args)
    analysis = analyze_network(lgraph, name=Path(network_).stem, target_usage=target_usage)
    choices = {
        "columns": "all" if columns == "all" else _listed(columns),
        "sort_by": _listed(sort),
        "names": filter_,
        "types": layer_type,
        "blocks": block,
        "group": group or None,
        "batch_size": batch_size,
        "dtype": dtype,
    }
    choices = {name: value for name, value in choices.items() if value is not None}
    shown: NetworkAnalysis | LayerTable = analysis
    if choices:
        _check_table_options(choices, form)
        shown = analysis.table(**choices)  # type: ignore[arg-type]
    if form == "table" and output is None:
        shown.show()
    else:
        text = analysis.to_html() if form == "html" else _written(shown, form)
        write_text(text, output, format_=form)
    if analysis.num_errors:
        if shown is not analysis:  # a table has no list of findings
            count = counted(analysis.num_errors, "error")
            print_note(f"the network has {count}; leave out the options of the table to list them")
        raise typer.Exit(1)


def _listed(names: str | None) -> list[str] | None:
    return None if names is None else [name.strip() for name in names.split(",")]


def _check_table_options(choices: dict[str, Any], form: Format) -> None:
    if form == "html":
        raise LayergraphError(
            "--format html writes a page of all layers, without the options of the table; leave them out"
        )
    for name in ("batch_size", "dtype"):
        if name in choices and "columns" not in choices:
            option = "--" + name.replace("_", "-")
            raise LayergraphError(f"{option} needs --columns with costs, such as multiply_adds")


def _written(shown: NetworkAnalysis | LayerTable, form: Format) -> str:
    writers: dict[Format, Callable[[], str]] = {
        "table": shown.to_text,
        "json": shown.to_json,
        "csv": shown.to_csv,
        "markdown": shown.to_markdown,
        "latex": shown.to_latex,
    }
    return writers[form]()
