"""The options of training as options of a command: names, types and help are those of TrainingOptions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from layergraph.cli.builder_options import argument_texts, option_name
from layergraph.errors import ArgumentError
from layergraph.wording import quoted

WITHOUT_WORDS = frozenset(
    ("validation_data", "output_fcn", "sequence_length", "sequence_padding_value", "worker_load")
)
"""Data and functions have no form in words, and options of sequences take their defaults alone."""

_LISTS = ("learn_rate_schedule", "logger", "devices")

PANEL = "Options of training"

# where the docstring speaks of Python's objects, or of two options at once
_TEXTS = {
    "learn_rate_schedule": "none, piecewise, warmup, cosine, polynomial, exponential, or several in series "
    "as warmup,cosine; a file of options can set the numbers of a schedule.",
    "verbose_frequency": "Iterations between the rows of the log.",
    "checkpoint_frequency": "Epochs or iterations between checkpoints.",
    "checkpoint_frequency_unit": "What --checkpoint-frequency counts.",
    "devices": "Number of devices, or their indices as 0,1.",
    "strategy": "The strategy of Lightning for several devices and machines.",
    "num_nodes": "Number of machines.",
    "logger": "csv, tensorboard or both, as csv,tensorboard.",
}

DEFAULTS: dict[str, Any] = {
    "solver": "sgdm",
    "mini_batch_size": 8,
    "shuffle": "every-epoch",
    "verbose_frequency": 10,
    "seed": 0,
}
"""The defaults of the command that differ from those of TrainingOptions."""


@cache
def training_parameters() -> tuple[Any, ...]:
    """The training options as parameters of a command of Typer.

    The value of an option that is not given is None, so that a file of options can set it.
    """

    def given(**options: Any) -> None:
        """Only a command of Typer makes parameters."""

    given.__signature__ = inspect.Signature(_parameters())  # type: ignore[attr-defined]
    application = typer.Typer(add_completion=False, rich_markup_mode=None)
    application.command(add_help_option=False)(given)
    return tuple(typer.main.get_command(application).params)


@cache
def training_names() -> tuple[str, ...]:
    """The training options that words or a file of options can give."""
    from layergraph.training.options import TrainingOptions

    return tuple(each.name for each in fields(TrainingOptions) if each.name not in WITHOUT_WORDS)


def training_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of options as TrainingOptions takes them: ``warmup,cosine`` is a list of two.

    >>> training_values({"seed": None, "learn_rate_schedule": "warmup,cosine", "devices": "2"})
    {'learn_rate_schedule': ['warmup', 'cosine'], 'devices': 2}
    """
    values = {name: value for name, value in given.items() if value is not None}
    for name in _LISTS:
        if isinstance(values.get(name), str):
            words = [int(word) if word.isdecimal() else word for word in values[name].split(",")]
            values[name] = words if len(words) > 1 else words[0]
    return values


def training_options(values: Mapping[str, Any]) -> Any:
    """The options of a run, with the defaults of the command.

    Raises:
        ArgumentError: a value is out of range, or a name is no option; the message has the option's name.
    """
    from layergraph.training.options import TrainingOptions

    for name in values:
        if name in WITHOUT_WORDS:
            raise ArgumentError(
                f"layergraph train: {quoted(name)} must be given to train_network in Python, as a file of "
                "options has no form for it"
            )
    return TrainingOptions.from_dict({**DEFAULTS, **values})


def _parameters() -> list[inspect.Parameter]:
    from layergraph.training.options import TrainingOptions

    texts, types = argument_texts(TrainingOptions), get_type_hints(TrainingOptions)
    defaults = {each.name: each.default for each in fields(TrainingOptions)} | DEFAULTS
    parameters = []
    for name in training_names():
        text = _TEXTS.get(name, texts.get(name, ""))
        default = defaults[name]
        # the default of a switch is the word without or with "no", and "" stands for none
        shown = isinstance(default, (str, float, int)) and not isinstance(default, bool) and default != ""
        note = f" [default: {str(default).lower()}]" if shown else ""
        names = (
            (option_name(name), option_name(f"no_{name}")) if types[name] is bool else (option_name(name),)
        )
        switch = "/".join(names)
        option = typer.Option(
            switch,
            help=f"{text[:1].upper()}{text[1:]}{note}",
            case_sensitive=False,
            rich_help_panel=PANEL,
        )
        parameters.append(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[_type(types[name]) | None, option],
            )
        )
    return parameters


def _type(annotation: Any) -> Any:
    """The type that Typer reads: one of a few words, a number, a switch, or else a text."""
    if get_origin(annotation) is Literal or annotation in (bool, int, float):
        return annotation
    # X | None
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if get_origin(annotation) is not None and len(parts) == 1 and parts[0] in (int, float):
        return parts[0]
    return str
