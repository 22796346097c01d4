"""The arguments of builders as options: their types come from signatures, their help from docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from itertools import pairwise
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from layergraph.builders import BUILDERS, Builder
from layergraph.cli.class_options import check_digits
from layergraph.errors import ArgumentError, did_you_mean

Kind = Literal["switch", "value", "numbers"]
"""An option takes no word, one word, or one word and the numbers after it."""

# "480 640 3", "480,640,3" and "480x640x3" are the same
_BETWEEN_NUMBERS = r"[\s,x×]+"


def option_name(argument: str) -> str:
    """The option of a builder argument: ``encoder_depth`` is ``--encoder-depth``."""
    return "--" + argument.replace("_", "-")


# it reads the signatures of all builders, and given_arguments asks once per word
@cache
def all_options() -> dict[str, Kind]:
    """The options of all builders, each with the kind that takes most words."""
    options: dict[str, Kind] = {}
    for builder in BUILDERS.values():
        for option, kind in options_of(builder).items():
            # an argument can be one number of one builder, and several of another
            if options.get(option) != "numbers":
                options[option] = kind
    return options


def options_of(builder: Builder) -> dict[str, Kind]:
    """The options of a builder.

    >>> options_of(BUILDERS["unet"])["--image-size"], options_of(BUILDERS["vgg16"])["--no-include-head"]
    ('numbers', 'switch')
    """
    # builder.parameters has the annotations as strings only
    options: dict[str, Kind] = {}
    for name, parameter in _parameters(builder).items():
        types = _alternatives(parameter.annotation)
        option = option_name(name)
        if bool in types:
            # "--no-" also for a default of False, so that scripts can state either value
            options |= {option: "switch", option_name(f"no_{name}"): "switch"}
        else:
            options[option] = "numbers" if _has_sequence(types) else "value"
    return options


def argument_texts(function: Callable[..., Any]) -> dict[str, str]:
    """The entries of the ``Args`` section of a docstring, without markup.

    >>> argument_texts(BUILDERS["unet"].function)["num_classes"]
    'number of classes, at least 2.'
    """
    # an entry is indented by four, the further lines of its text by more
    section = re.search(r"^Args:\n((?: .*\n|\n)*)", f"{inspect.getdoc(function)}\n", re.MULTILINE)
    texts: dict[str, str] = {}
    for names, text in re.findall(
        r"^ {4}(\w.*?): (.*(?:\n {5,}.*)*)", section[1] if section else "", re.MULTILINE
    ):
        text = re.sub(r":\w+:`(?:\w+\.)*(\w+)`", r"\1", text).replace("``", "")
        texts |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return texts


def given_arguments(builder: Builder, words: Sequence[str]) -> dict[str, Any]:
    """The arguments that options give to a builder, as it takes them.

    Raises:
        ArgumentError: the builder lacks an option, or a number has more digits than any size.
    """
    options = options_of(builder)
    # before Typer reads the words: its message would name neither the builder nor the digits
    # each word with the one after it; the last has none
    for word, value in pairwise([*words, ""]):
        if word in all_options() and word not in options:
            raise ArgumentError(f"{builder.name} takes no {word}{did_you_mean(word, options)}")
        for number in re.split(_BETWEEN_NUMBERS, value) if word in options else ():
            if number.lstrip("+-").isdecimal():
                check_digits(number, word)
    # a command of Typer, since only that reads words by the types of a signature
    command = _command_of(builder)
    with command.make_context(builder.name, [*words]) as context:
        # the command only returns the arguments: its caller adds those from the data
        arguments: dict[str, Any] = command.invoke(context)
    return arguments


def help_records(builder: Builder, context: Any, from_data: Collection[str] = ()) -> list[tuple[str, str]]:
    """The options of a builder and their help, as a formatter of Typer takes them.

    Args:
        builder: the builder.
        context: the context of the command whose help is shown.
        from_data: arguments that the command takes from its images by default.
    """
    parameters = _command_of(builder, from_data).get_params(context)
    return [parameter.get_help_record(context) for parameter in parameters]


def _command_of(builder: Builder, from_data: Collection[str] = ()) -> Any:
    """A command with the options of a builder; its result is the arguments that are given."""

    def given(**arguments: Any) -> dict[str, Any]:
        return {name: value for name, value in arguments.items() if value is not None}

    texts = argument_texts(builder.function)
    options = []
    for name, parameter in _parameters(builder).items():
        kind, reading = _typer_type(parameter.annotation)
        text = texts.get(name, "")
        note = "[default: that of the data]" if name in from_data else _default_note(parameter.default)
        option = typer.Option(help=f"{text[:1].upper()}{text[1:]}  {note}".strip(), **reading)
        # the default stays out of Typer, so that the command can tell the arguments that are given
        options.append(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
            )
        )
    # Typer reads the options of a function from its signature, so one is made per builder
    given.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    # --help belongs to the command around it
    app.command(name=builder.name, add_help_option=False)(given)
    return typer.main.get_command(app)


def _default_note(default: Any) -> str:
    if default is inspect.Parameter.empty:
        return "[required]"
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
    return "" if default is None else f"[default: {shown}]"


def _typer_type(annotation: Any) -> tuple[Any, dict[str, Any]]:
    """The type that Typer reads for an argument of a builder, and how its ``Option`` reads it.

    Typer reads neither unions nor sequences of any length, so :func:`_numbers` reads the sequences.
    """
    types = _alternatives(annotation)
    if _has_sequence(types):
        return str, {"parser": _one_or_more if int in types else _numbers, "metavar": "N..."}
    # bool before str before the rest: the first of these types reads a union of several
    return next((kind for kind in (bool, str) if kind in types), types[0]), {}


def _numbers(text: str) -> tuple[int, ...] | str:
    words = re.split(_BETWEEN_NUMBERS, text.strip())
    if not all(re.fullmatch(r"[-+]?\d+", word) for word in words):
        return text  # the builder reports it, with the call and the argument
    return tuple(map(int, words))


def _one_or_more(text: str) -> int | tuple[int, ...] | str:
    numbers = _numbers(text)
    return numbers[0] if isinstance(numbers, tuple) and len(numbers) == 1 else numbers


def _parameters(builder: Builder) -> Mapping[str, inspect.Parameter]:
    # annotations are text in modules with postponed evaluation; eval_str makes types of them
    return inspect.signature(builder.function, eval_str=True).parameters


def _alternatives(annotation: Any) -> list[Any]:
    """The types of a union except None, or the one type."""
    # both forms of a union: Union[int, str] and int | str
    union = get_origin(annotation) in (Union, UnionType)
    return [kind for kind in (get_args(annotation) if union else (annotation,)) if kind is not NoneType]


def _has_sequence(types: list[Any]) -> bool:
    return any(get_origin(kind) is Sequence for kind in types)
