"""The command that analyzes a network, without torch."""

from __future__ import annotations

from functools import partial
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
_REPEATED = "Can be repeated."
_table_option = partial(typer.Option, rich_help_panel="Options of the table")


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
        _table_option(
            metavar="NAME,NAME,...",
            help="Columns, such as name,type,size,num_learnables,multiply_adds; or all.",
        ),
    ] = None,
    sort: Annotated[
        str | None,
        _table_option(metavar="[-]NAME,...", help="Columns to sort by; a minus puts the largest first."),
    ] = None,
    filter_: Annotated[
        list[str] | None,
        _table_option(
            "--filter", metavar="PATTERN", help="Only layers with such names: 'res3a*'. " + _REPEATED
        ),
    ] = None,
    layer_type: Annotated[
        list[str] | None,
        _table_option(metavar="PATTERN", help="Only layers of such types: '*pooling'. " + _REPEATED),
    ] = None,
    block: Annotated[
        list[str] | None,
        _table_option(metavar="PATTERN", help="Only layers of such blocks: res3a. " + _REPEATED),
    ] = None,
    group: Annotated[bool, _table_option("--group", help="One row per block, such as res3a*.")] = False,
    batch_size: Annotated[
        int | None, _table_option(metavar="N", help="Batch size for multiply-adds and bytes; by default 1.")
    ] = None,
    dtype: Annotated[
        str | None,
        _table_option(metavar="NAME", help="Data type for bytes, such as float16; by default float32."),
    ] = None,
) -> None:
    """List the layers of a network, their sizes, and its issues.

    Needs no weights and no torch. Exit status 1 if the network has errors.

    Example: layergraph analyze unet --image-size 480 640 3 --num-classes 5 --encoder-depth 3
    """
    from layergraph.analyze import analyze_network

    # before the network is built, so that a wrong --output fails at once
    form = format_for(output, format_, _EXTENSIONS, "table")
    lgraph = network(network_, context.args)
    analysis = analyze_network(lgraph, name=Path(network_).stem, target_usage=target_usage)
    choices = {
        "columns": "all" if columns == "all" else _listed(columns),
        "sort_by": _listed(sort),
        "names": filter_,
        "types": layer_type,
        "blocks": block,
        # a switch that is not given is False, which is no choice
        "group": group or None,
        "batch_size": batch_size,
        "dtype": dtype,
    }
    choices = {name: value for name, value in choices.items() if value is not None}
    shown: NetworkAnalysis | LayerTable = analysis
    # without options of the table, the whole analysis is shown, with its issues
    if choices:
        _check_table_options(choices, form)
        shown = analysis.table(**choices)  # type: ignore[arg-type]
    if form == "table" and output is None:
        shown.show()
    else:
        write = getattr(shown, "to_text" if form == "table" else f"to_{form}")
        write_text(write(), output, format_=form)
    # after the output: an analysis with errors is a result too, and the status reports them
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
    # costs are the only columns that depend on these two
    for name in ("batch_size", "dtype"):
        if name in choices and "columns" not in choices:
            option = "--" + name.replace("_", "-")
            raise LayergraphError(f"{option} needs --columns with costs, such as multiply_adds")
