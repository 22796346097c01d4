"""The options of a command that choose columns, rows and order of a table of layers."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from layergraph.errors import LayergraphError

_PANEL = "Table"

# parameter: option, type, default, metavar and help
_OPTIONS: dict[str, tuple[str, Any, Any, str | None, str]] = {
    "columns": (
        "--columns",
        str | None,
        None,
        "NAME,NAME,...",
        "Columns, such as name,type,size,num_learnables,multiply_adds; 'all' for all.",
    ),
    "sort_by": (
        "--sort",
        str | None,
        None,
        "[-]NAME,...",
        "Columns to sort by; with - before it, the largest comes first.",
    ),
    "names": (
        "--filter",
        list[str] | None,
        None,
        "PATTERN",
        "Only layers with such names, such as 'res3a*'. Also several times.",
    ),
    "types": (
        "--layer-type",
        list[str] | None,
        None,
        "PATTERN",
        "Only layers of such types, such as convolution or '*pooling'. Also several times.",
    ),
    "blocks": (
        "--block",
        list[str] | None,
        None,
        "PATTERN",
        "Only layers of such blocks, such as res3a. Also several times.",
    ),
    "group": ("--group", bool, False, None, "One row a block, such as res3a*."),
    "batch_size": (
        "--batch-size",
        int | None,
        None,
        "N",
        "What multiply-adds and bytes are counted for; 1 if not given.",
    ),
    "dtype": (
        "--dtype",
        str | None,
        None,
        "NAME",
        "The numbers that bytes are counted for, such as float16; float32 if not given.",
    ),
}
_LISTED = ("columns", "sort_by")  # words between commas; names of layers may hold commas
_COUNTED = ("batch_size", "dtype")


def with_table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the table; it gets those given as ``table``.

    They are the arguments of :meth:`NetworkAnalysis.table`.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "table"]
    added = [_parameter(name) for name in _OPTIONS]

    @functools.wraps(command)
    def run(**values: Any) -> Any:
        given = {name: values.pop(name) for name in _OPTIONS}
        return command(**values, table=_choices(given))

    run.__signature__ = signature.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    del run.__dict__["__wrapped__"]
    return run


def _parameter(name: str) -> inspect.Parameter:
    option, kind, default, metavar, text = _OPTIONS[name]
    info = typer.Option(option, metavar=metavar, help=text, rich_help_panel=_PANEL)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
    )


def _choices(given: dict[str, Any]) -> dict[str, Any]:
    """Those that were given, words between commas apart.

    Raises:
        LayergraphError: what counts are for, without a choice of columns.
    """
    # not by "in (None, [], False)": 0 is False, and a batch of 0 must be refused
    choices = {name: value for name, value in given.items() if value or (value == 0 and value is not False)}
    for name in _LISTED:
        if name in choices:
            choices[name] = [word.strip() for word in choices[name].split(",")]
    if choices.get("columns") == ["all"]:
        choices["columns"] = "all"
    for name in _COUNTED:
        if name in choices and "columns" not in choices:
            option = _OPTIONS[name][0]
            raise LayergraphError(f"{option} is for --columns such as multiply_adds, which are not asked for")
    return choices
