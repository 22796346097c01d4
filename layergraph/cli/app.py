"""The commands and their exit status."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Annotated

import typer

from layergraph import __version__
from layergraph.cli.analyze import analyze
from layergraph.cli.builder_options import NumbersCommand
from layergraph.cli.builders import builders
from layergraph.cli.demo import demo
from layergraph.cli.diff import diff
from layergraph.cli.draw import diagram
from layergraph.cli.explain import explain
from layergraph.cli.segment import evaluate, segment
from layergraph.cli.terminal import discard_output, flush, write_readably
from layergraph.cli.train import train
from layergraph.cli.writing import say_error, warnings_in_one_line
from layergraph.errors import LayergraphError

app = typer.Typer(
    name="layergraph",
    help="Build, analyze, draw, train and use neural networks as graphs of named layers.\n\n"
    "Start with: layergraph demo",
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=NumbersCommand)(demo)
app.command()(builders)
app.command(cls=NumbersCommand)(analyze)
app.command(cls=NumbersCommand)(diagram)
app.command(cls=NumbersCommand)(diff)
app.command(cls=NumbersCommand)(explain)
app.command(cls=NumbersCommand)(train)
app.command(cls=NumbersCommand)(segment)
app.command(cls=NumbersCommand)(evaluate)

_CommandError: type[Exception] = typer.BadParameter.__bases__[0].__bases__[
    0
]  # of all wrong words; has no public name
_READER_GONE = 128 + getattr(signal, "SIGPIPE", 13)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"layergraph {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """The options before any command."""


def run(words: Sequence[str]) -> int:
    """Run one command; returns its exit status.

    A user's mistake gives 1, words that no command has 2. A reader that has seen enough, such as ``head``,
    gives 141, as for any program in a pipe: never 0, which from ``diff`` says that networks are equal.
    """
    write_readably()
    try:
        with warnings_in_one_line():
            status = _status(words)
        flush()
    except BrokenPipeError:
        discard_output()
        return _READER_GONE
    except OSError as error:  # the output is a file on a full disk
        discard_output()
        say_error(error)
        return 1
    return status


def _status(words: Sequence[str]) -> int:
    # not app(), which writes usage errors as a box of several lines, and knows no reader that is gone
    command = typer.main.get_command(app)
    try:
        with command.make_context("layergraph", list(words) or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as exit:
        return exit.exit_code
    except BrokenPipeError:
        raise
    except (LayergraphError, OSError) as error:
        say_error(error)
        return 1
    except _CommandError as error:
        say_error(error)
        return 2
    return 0
