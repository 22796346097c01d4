"""The command line: a thin layer over the library."""

from __future__ import annotations

import sys

import typer

from layergraph.cli import builders, networks, segmentation
from layergraph.cli.arguments import NumbersCommand
from layergraph.cli.demo import demo
from layergraph.cli.diagram import diagram
from layergraph.cli.diff import diff
from layergraph.cli.explain import explain
from layergraph.cli.train import train
from layergraph.errors import LayergraphError

app = typer.Typer(
    name="layergraph",
    help="Build, analyze, draw, train and use neural networks as graphs of named layers.\n\n"
    "Start with: layergraph demo",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=NumbersCommand)(demo)
app.command()(builders.builders)
app.command(cls=NumbersCommand)(networks.analyze)
app.command(cls=NumbersCommand)(diagram)
app.command(cls=NumbersCommand)(diff)
app.command(cls=NumbersCommand)(explain)
app.command(cls=NumbersCommand)(train)
app.command(cls=NumbersCommand)(segmentation.segment)
app.command(cls=NumbersCommand)(segmentation.evaluate)


def main() -> None:
    """Run the command line; a user's mistake is one line on stderr and exit status 1."""
    try:
        app()
    except (LayergraphError, OSError) as error:
        print(f"layergraph: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.exit(0)
