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

_NAMED_BUILDERS = "layergraph.builders"  # a key of ``context.meta``


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
        words = _split_words(args, kinds)
        # once per builder, in the order given: diff may name one twice
        builders = [BUILDERS[word] for word in dict.fromkeys(words["positional"]) if word in BUILDERS]
        if words["unknown"]:
            # Typer would report it too, but suggest only options of the command
            known = [*kinds, *(option for builder in builders for option in options_of(builder))]
            wrong = words["unknown"][0]
            ctx.fail(f"there is no option {quoted(wrong)}{did_you_mean(wrong, known)}")
        # before the parse, because --help prints during it, with the options of these builders
        ctx.meta[_NAMED_BUILDERS] = builders
        super().parse_args(ctx, words["own"])
        # after it, since Typer sets its own leftover words there
        ctx.args = words["network"]
        return words["network"]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        # Typer's own method would omit the options of the builders, which are no parameters here
        sections: dict[str, list[Any]] = {}
        for parameter in self.get_params(ctx):
            usual = "Arguments" if isinstance(parameter, TyperArgument) else "Options"
            title = getattr(parameter, "rich_help_panel", None) or usual
            sections.setdefault(title, []).append(parameter.get_help_record(ctx))
        for builder in ctx.meta[_NAMED_BUILDERS]:
            sections[f"Options of {builder.name}"] = help_records(builder, ctx, self.from_data)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if not ctx.meta[_NAMED_BUILDERS]:
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
    # patch_classification has no image_size, for example
    arguments = {name: value for name, value in (from_data or {}).items() if name in builder.parameters}
    # options win over the data
    arguments |= given_arguments(builder, words)
    if missing := [option_name(name) for name in builder.missing(arguments)]:
        raise ArgumentError(
            f"{text} also needs {' and '.join(missing)}; for example --image-size 480 640 3 --num-classes 5"
        )
    with show_log():  # the report on --weights
        return builder.build(**arguments)


def is_file(text: str) -> bool:
    """Whether NETWORK is a file: it has an extension, which no builder has, and need not exist."""
    return text not in BUILDERS and bool(Path(text).suffix)


def _split_words(args: Sequence[str], own_kinds: Mapping[str, Kind]) -> dict[str, list[str]]:
    """The words after a command: its own, those of options of networks, the positional and unknown ones.

    The names of networks are not known yet, so an option of any builder counts: ``--image-size 9 9 unet``
    has the network at its end.
    """
    words: dict[str, list[str]] = {"own": [], "network": [], "positional": [], "unknown": []}
    # options of the command win over those of builders with the same name
    kinds = {**all_options(), **own_kinds}
    rest = list(args)
    while rest:
        word = rest.pop(0)
        option, equals, value = word.partition("=")
        target = words["own" if option in own_kinds else "network"]
        if word == "--":  # all words after it are positional
            words["own"] += [word, *rest]
            break
        if not word.startswith("-"):
            words["positional"].append(word)
            words["own"].append(word)
        elif option not in kinds:
            words["unknown"].append(option)
        elif kinds[option] == "switch":
            target.append(word)
        else:
            values = [value] if equals else [rest.pop(0)] if rest else []
            # whole numbers only, so that a NETWORK after the numbers ends them
            while kinds[option] == "numbers" and rest and re.fullmatch(r"-?\d+", rest[0]):
                values.append(rest.pop(0))
            # without a value the option stays alone, and Typer reports what it lacks
            target += [option, " ".join(values)] if values else [option]
    return words
