"""The commands and their exit status."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Annotated

import typer

from layergraph import __version__
from layergraph.cli.analyze import analyze
from layergraph.cli.builders import builders
from layergraph.cli.check_data import check_data
from layergraph.cli.demo import demo
from layergraph.cli.diff import diff
from layergraph.cli.draw import diagram
from layergraph.cli.evaluate import evaluate
from layergraph.cli.explain import explain
from layergraph.cli.export import export
from layergraph.cli.messages import one_line_warnings, print_error
from layergraph.cli.network_command import NetworkCommand
from layergraph.cli.segment import segment
from layergraph.cli.terminal import discard_output, flush, write_readably
from layergraph.cli.train import TrainCommand, train
from layergraph.errors import LayergraphError

app = typer.Typer(
    name="layergraph",
    help="Build, analyze, draw, train and use neural networks as graphs of named layers.\n\n"
    "Start with: layergraph demo",
    add_completion=False,
    rich_markup_mode=None,  # its columns cut the names of long options
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo)
app.command()(builders)
# classes of their own where a command also takes the options of builders
app.command(cls=NetworkCommand)(analyze)
app.command(cls=NetworkCommand)(diagram)
app.command(cls=NetworkCommand)(diff)
app.command(cls=NetworkCommand)(explain)
app.command(cls=TrainCommand)(train)
app.command("check-data")(check_data)
app.command()(segment)
app.command()(evaluate)
app.command(cls=NetworkCommand)(export)

# the class of all errors in words and options, for which Typer has no public name
_CommandError: type[Exception] = typer.BadParameter.__bases__[0].__bases__[0]
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

    The status is 1 after an error, and 2 for words that no command takes. It is 141, as for any program in a
    pipe, if the reader closes the pipe early, as ``head`` does: 0 from ``diff`` would report equal networks.
    """
    # first of all, since even an error may hold characters that the terminal lacks
    write_readably()
    try:
        with one_line_warnings():
            status = _status(words)
        # not left to the exit of Python, which would report a failed write with status 120
        flush()
    except BrokenPipeError:
        discard_output()
        return _READER_GONE
    except OSError as error:  # the output is a file on a full disk
        discard_output()
        print_error(error)
        return 1
    return status


def _status(words: Sequence[str]) -> int:
    # app() would write errors in words as a box of several lines, and end with status 1 for a closed pipe
    command = typer.main.get_command(app)
    try:
        # no words at all show the help, as a success
        with command.make_context("layergraph", list(words) or ["--help"]) as context:
            command.invoke(context)
    except typer.Exit as exit:
        return exit.exit_code
    # BrokenPipeError is an OSError too, but run() gives it a status of its own
    except BrokenPipeError:
        raise
    except (LayergraphError, OSError) as error:
        print_error(error)
        return 1
    except _CommandError as error:
        print_error(error)
        return 2
    return 0
