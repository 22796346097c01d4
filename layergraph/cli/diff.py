"""The command that compares two networks. It imports torch only to compare weights."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from layergraph.builders import find_builder
from layergraph.cli.builder_options import (
    ARGUMENT_HELP,
    as_value,
    is_file,
    network,
    option_name,
    with_builder_arguments,
)
from layergraph.cli.writing import OutputOption, format_for, say_error, write_text
from layergraph.errors import ArgumentError, LayergraphError, did_you_mean
from layergraph.graph.layer_graph import LayerGraph


class Format(StrEnum):
    """How a comparison is written."""

    text = "text"
    json = "json"
    html = "html"


_EXTENSIONS = {Format.text: (".txt",), Format.json: (".json", ".txt"), Format.html: (".html", ".htm")}
_SIDE_HELP = (
    "An argument of the {} network alone, such as encoder-depth={}; it outranks the option of that name. "
    "May be given several times."
)


@with_builder_arguments
def diff(
    a: Annotated[
        str,
        typer.Argument(metavar="A", help="The network before: a builder, such as unet, or a file."),
    ],
    b: Annotated[
        str | None,
        typer.Argument(metavar="[B]", help="The network after; left out, A with other arguments."),
    ] = None,
    *,
    before: Annotated[
        list[str] | None,
        typer.Option("--before", metavar="NAME=VALUE", help=_SIDE_HELP.format("first", 3)),
    ] = None,
    after: Annotated[
        list[str] | None,
        typer.Option("--after", metavar="NAME=VALUE", help=_SIDE_HELP.format("second", 4)),
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", help="How to write it; by default what the ending of --output says, or text."
        ),
    ] = None,
    output: OutputOption = None,
    with_weights: Annotated[
        bool, typer.Option("--with-weights", help="Compare the weights of files too; reads them, with torch.")
    ] = False,
    arguments: dict[str, Any],
) -> None:
    """Compare two networks: layers added, removed, renamed, changed or rewired; sizes and costs of both.

    Exit status 0 if they are equal, 1 if they differ, 2 if they could not be compared, as diff has it.

    [bold]Example:[/bold] layergraph diff unet --image-size 480 640 3 --num-classes 5
    --before encoder-depth=3 --after encoder-depth=4
    """
    try:
        differs = _compare((a, b or a), (before or [], after or []), arguments, with_weights, format_, output)
    except BrokenPipeError:
        raise
    except (LayergraphError, OSError) as error:
        say_error(error)
        raise typer.Exit(2) from None
    raise typer.Exit(int(differs))


def _compare(
    texts: tuple[str, str],
    own: tuple[list[str], list[str]],
    arguments: dict[str, Any],
    with_weights: bool,
    format_: Format | None,
    output: Path | None,
) -> bool:
    from layergraph.analyze import compare

    form = format_for(output, format_, _EXTENSIONS, Format.text)
    if arguments and all(map(is_file, texts)):
        network(texts[0], arguments)  # raises: no option is for a file
    graphs = []
    for text, words, side in zip(texts, own, ("before", "after"), strict=True):
        given = {} if is_file(text) else dict(arguments)
        given |= dict(_one_sided(word, side) for word in words)
        graphs.append(_network(text, given, with_weights, shared=arguments, texts=texts))
    names = [f"{Path(text).stem} {' '.join(words)}".strip() for text, words in zip(texts, own, strict=True)]
    if names[0] == names[1]:
        names = [f"{names[0]} (before)", f"{names[1]} (after)"]
    comparison = compare(*graphs, names=(names[0], names[1]))
    if form is Format.text and output is None:
        comparison.show()
    else:
        writers = {
            Format.text: comparison.to_text,
            Format.json: comparison.to_json,
            Format.html: comparison.to_html,
        }
        write_text(writers[form](), output, kind=form.value)
    return not comparison.is_equal


def _one_sided(word: str, side: str) -> tuple[str, Any]:
    """``encoder-depth=3`` as the argument of a builder and its value."""
    written, equals, text = word.partition("=")
    argument = written.strip().lstrip("-").replace("-", "_")
    if not (equals and text.strip()):
        raise ArgumentError(f"--{side} takes NAME=VALUE, such as encoder-depth=3, got {word!r:.80}")
    if argument not in ARGUMENT_HELP:
        known = [option_name(name)[2:] for name in ARGUMENT_HELP]
        raise ArgumentError(f"--{side}: no builder takes {written!r:.80}{did_you_mean(written, known)}")
    if not ARGUMENT_HELP[argument][0]:  # a switch
        switches = {"true": True, "yes": True, "false": False, "no": False}
        if text.strip().lower() not in switches:
            raise ArgumentError(f"--{side} {written} is true or false, got {text!r:.80}")
        return argument, switches[text.strip().lower()]
    return argument, as_value(argument, text)


def _network(
    text: str, given: dict[str, Any], weights: bool, *, shared: dict[str, Any], texts: tuple[str, str]
) -> LayerGraph:
    if not is_file(text):
        builder = find_builder(text)
        for argument in builder.unknown(given):
            if argument in shared and any(
                not find_builder(other).unknown([argument]) for other in texts if not is_file(other)
            ):
                side = "before" if text == texts[1] else "after"
                raise ArgumentError(
                    f"{text} takes no {option_name(argument)}; give it to the other alone: "
                    f"--{side} {option_name(argument)[2:]}=..."
                )
    return network(text, given, weights=weights)
