"""The argument NETWORK of commands, with the options of the builder that it names."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer
from typer.core import TyperArgument, TyperCommand

from layergraph.builders import BUILDERS, find_builder
from layergraph.cli.builder_options import (
    Kind,
    all_options,
    given_arguments,
    help_records,
    option_name,
    options_of,
)
from layergraph.cli.messages import show_log
from layergraph.errors import ArgumentError, did_you_mean
from layergraph.graph.layer_graph import LayerGraph, load
from layergraph.wording import quoted

NetworkArgument = Annotated[
    str,
    typer.Argument(
        metavar="NETWORK",
        help="A builder, such as unet (layergraph builders lists them), or a file that layergraph saved.",
    ),
]

_NAMED = "layergraph.builders"  # the key of the named builders in the meta of a context


class NetworkCommand(TyperCommand):
    """A command that takes networks, and as options the arguments of the builders that they name.

    Typer must know every option before it reads a word, but the options of a builder are known only after
    NETWORK is read. So the command takes their words out first, and leaves them in ``context.args`` for
    :func:`network`. There each option has one value, ``["--image-size", "480 640 3"]``, because an option of
    Typer takes a fixed number of words.
    """

    from_data: ClassVar[Collection[str]] = ()
    """The arguments of a builder that the command takes from its images by default."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        kinds: dict[str, Kind] = {
            option: "switch" if getattr(parameter, "is_flag", False) else "value"
            for parameter in self.get_params(ctx)
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
        known = [option for option in kinds if option.startswith("--")]
        kinds = all_options() | kinds
        own: list[str] = []
        of_network: list[str] = []
        positionals: list[str] = []
        unknown: list[str] = []
        rest = list(args)
        while rest:
            word = rest.pop(0)
            option, equals, value = word.partition("=")
            words = of_network if option in all_options() else own
            if word == "--":
                own += [word, *rest]
                break
            if not word.startswith("-"):
                positionals.append(word)
                own.append(word)
            elif option not in kinds:
                unknown.append(option)
            elif kinds[option] == "switch":
                words.append(word)
            else:
                values = [value] if equals else rest[:1]
                del rest[: len(values) * (not equals)]
                while kinds[option] == "numbers" and rest and re.fullmatch(r"-?\d+", rest[0]):
                    values.append(rest.pop(0))
                words += [option, " ".join(values)] if values else [option]
        named = [BUILDERS[word] for word in dict.fromkeys(positionals) if word in BUILDERS]
        if unknown:  # not left to Typer, which cannot suggest options of builders
            known += [option for builder in named for option in options_of(builder)]
            ctx.fail(f"there is no option {quoted(unknown[0])}{did_you_mean(unknown[0], known)}")
        ctx.meta[_NAMED] = named
        super().parse_args(ctx, own)
        ctx.args = of_network
        return of_network

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[Any]] = {}
        for parameter in self.get_params(ctx):
            usual = "Arguments" if isinstance(parameter, TyperArgument) else "Options"
            title = getattr(parameter, "rich_help_panel", None) or usual
            sections.setdefault(title, []).append(parameter.get_help_record(ctx))
        for builder in ctx.meta[_NAMED]:
            sections[f"Options of {builder.name}"] = help_records(builder, ctx, self.from_data)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if not ctx.meta[_NAMED]:
            formatter.write_paragraph()
            formatter.write_text(
                f"Each builder has more options: {ctx.command_path} unet --help lists those of unet."
            )


def network(
    text: str, words: Sequence[str], *, weights: bool = False, from_data: Mapping[str, Any] | None = None
) -> LayerGraph:
    """The graph of a builder, by name, or of a file.

    Args:
        text: the name of a builder or a file.
        words: options of the builder, each with one value, as :class:`NetworkCommand` leaves them.
        weights: whether to load the weights of a file; the architecture alone needs no torch.
        from_data: arguments of the builder for which no option is given.

    Raises:
        ArgumentError: the builder lacks an option, or one of its arguments is missing; or options are given
            for a file.
    """
    if is_file(text):
        if words:
            raise ArgumentError(f"{words[0]} is for builders such as unet, not for a file")
        return load(text, weights=weights)
    builder = find_builder(text)
    arguments = {**(from_data or {}), **given_arguments(builder, words)}
    if missing := [option_name(name) for name in builder.missing(arguments)]:
        raise ArgumentError(
            f"{text} also needs {' and '.join(missing)}; for example --image-size 480 640 3 --num-classes 5"
        )
    with show_log():  # the report on --weights
        return builder.build(**arguments)


def is_file(text: str) -> bool:
    """Whether the name of a network is meant as a file."""
    return text not in BUILDERS and bool(Path(text).suffix)
