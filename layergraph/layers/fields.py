"""Converters of fields: ``stride: Numbers = field(default=1, metadata=PER_DIMENSION)``.

``Layer`` applies them once, when a layer is made, so that no layer class assigns to its frozen fields. Type
annotations cannot do this: they give the values that are accepted, not the one form that is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any

from layergraph.layers import arguments

Converter = Callable[[Any, str, Any], Any]
"""Takes the layer, the name of the argument and its value; returns the normal form, or raises."""


def converter(convert: Converter) -> Mapping[str, Converter]:
    """The metadata of a field whose values ``convert`` brings to their normal form."""
    return {"convert": convert}


WHOLE = converter(arguments.whole)
NUMBER = converter(arguments.number)
FLAG = converter(arguments.flag)
INITIALIZER = converter(arguments.initializer)
# lambdas, because each class of layers has its own rank
PER_DIMENSION = converter(
    lambda layer, argument, value: arguments.per_dimension(layer, argument, value, layer.rank)
)
MARGINS = converter(lambda layer, argument, value: arguments.margins(layer, argument, value, layer.rank))
NUM_PORTS = converter(
    lambda layer, argument, value: arguments.whole(layer, argument, value, 1, arguments.MOST_PORTS)
)
# one input would leave nothing to join
NUM_JOINED = converter(
    lambda layer, argument, value: arguments.whole(layer, argument, value, 2, arguments.MOST_PORTS)
)


def whole_or(word: str) -> Mapping[str, Converter]:
    """A whole number, or a word, in any case."""
    return converter(lambda layer, argument, value: arguments.whole_or(layer, argument, value, word))


CHANNELS = whole_or("auto")


def number_from(low: float, high: float = float("inf")) -> Mapping[str, Converter]:
    """A finite number from ``low`` to ``high``."""
    return converter(lambda layer, argument, value: arguments.number(layer, argument, value, low, high))


def one_of(*choices: str) -> Mapping[str, Converter]:
    """One of a few words, in any case."""
    return converter(lambda layer, argument, value: arguments.choice(layer, argument, value, choices))


@cache
def converters(kind: type) -> tuple[tuple[str, Converter], ...]:
    """The fields of a layer class that have a converter; thousands of layers share one look-up per class."""
    return tuple((item.name, item.metadata["convert"]) for item in fields(kind) if "convert" in item.metadata)
