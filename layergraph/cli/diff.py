"""The command that compares two networks. It imports torch only to compare weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from layergraph.builders import find_builder
from layergraph.cli.builder_options import all_options, options_of
from layergraph.cli.messages import print_error
from layergraph.cli.network_command import is_file, network
from layergraph.cli.output_files import OutputOption, format_for, write_text
from layergraph.errors import ArgumentError, LayergraphError, did_you_mean
from layergraph.wording import quoted

Format = Literal["text", "json", "html"]

_EXTENSIONS: dict[Format, tuple[str, ...]] = {
    "text": (".txt",),
    "json": (".json", ".txt"),
    "html": (".html", ".htm"),
}
_SIDE_HELP = (
    "An argument of the {} network alone, such as encoder-depth={}, instead of the option of the same name. "
    "Can be repeated."
)


def diff(
    context: typer.Context,
    a: Annotated[
        str,
        typer.Argument(metavar="A", help="The network before: a builder, such as unet, or a file."),
    ],
    b: Annotated[
        str | None,
        typer.Argument(metavar="B", help="The network after; by default A with other arguments."),
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
        typer.Option("--format", help="The format; by default that of the extension of --output, or text."),
    ] = None,
    output: OutputOption = None,
    with_weights: Annotated[
        bool, typer.Option("--with-weights", help="Also compare the weights of files; this needs torch.")
    ] = False,
) -> None:
    """Compare two networks.

    Lists layers added, removed, renamed, changed and rewired, with the sizes and costs of both networks.
    Exit status 0 if they are equal, 1 if they differ, 2 if they cannot be compared, as for other programs
    named diff.

    Example: layergraph diff unet --image-size 480 640 3 --num-classes 5
    --before encoder-depth=3 --after encoder-depth=4
    """
    try:
        form = format_for(output, format_, _EXTENSIONS, "text")
        differs = _compare((a, b or a), (before or [], after or []), context.args, with_weights, form, output)
    # before OSError, its base class: a closed pipe has a status of its own
    except BrokenPipeError:
        raise
    except (LayergraphError, OSError) as error:  # run() gives these status 1, which here means a difference
        print_error(error)
        raise typer.Exit(2) from None
    raise typer.Exit(int(differs))


def _compare(
    texts: tuple[str, str],
    sides: tuple[list[str], list[str]],
    shared: list[str],
    with_weights: bool,
    form: Format,
    output: Path | None,
) -> bool:
    from layergraph.analyze import compare

    # options after two files would be ignored without a word
    if shared and all(map(is_file, texts)):
        network(texts[0], shared)  # raises: no option is for a file
    graphs = []
    for text, own, side in zip(texts, sides, ("before", "after"), strict=True):
        # a file takes no options of builders, but the other network may
        words = [] if is_file(text) else _shared_words(shared, text, texts)
        words += [word for argument in own for word in _option_words(argument, side)]
        graphs.append(network(text, words, weights=with_weights))
    names = [f"{Path(text).stem} {' '.join(own)}".strip() for text, own in zip(texts, sides, strict=True)]
    # two files of the same name in two folders
    if names[0] == names[1]:
        names = [f"{names[0]} (before)", f"{names[1]} (after)"]
    comparison = compare(*graphs, names=(names[0], names[1]))
    if form == "text" and output is None:
        comparison.show()
    else:
        writers = {"text": comparison.to_text, "json": comparison.to_json, "html": comparison.to_html}
        write_text(writers[form](), output, format_=form)
    return not comparison.is_equal


def _shared_words(words: list[str], text: str, texts: tuple[str, str]) -> list[str]:
    """The options that are for both networks.

    Raises:
        ArgumentError: the other network alone takes one of them.
    """
    # not left to network(), which does not know the other network and its option
    options = options_of(find_builder(text))
    # an option of neither network is left to network(), which suggests others
    for other in texts:
        others = {} if is_file(other) else options_of(find_builder(other))
        for option in words:
            if option in others and option not in options:
                side = "before" if text == texts[1] else "after"
                raise ArgumentError(
                    f"{text} takes no {option}; give it to the other network alone: "
                    f"--{side} {option.removeprefix('--')}=..."
                )
    return list(words)


def _option_words(argument: str, side: str) -> list[str]:
    """``encoder-depth=3`` as the words ``--encoder-depth 3``."""
    name, equals, value = (part.strip() for part in argument.partition("="))
    option = "--" + name.lstrip("-").replace("_", "-")
    if not (equals and value):
        raise ArgumentError(
            f"--{side} must be NAME=VALUE, such as encoder-depth=3, got {quoted(argument, longest=80)}"
        )
    if option not in all_options():
        known = [option.removeprefix("--") for option in all_options()]
        raise ArgumentError(
            f"--{side}: no builder takes {quoted(name, longest=80)}{did_you_mean(name, known)}"
        )
    if all_options()[option] != "switch":
        return [option, value]
    # a switch takes no value, but NAME=VALUE needs one
    switches = {"true": option, "yes": option}
    switches |= dict.fromkeys(("false", "no"), option.replace("--", "--no-", 1))
    if value.lower() not in switches:
        raise ArgumentError(f"--{side} {name} must be true or false, got {quoted(value, longest=80)}")
    return [switches[value.lower()]]
