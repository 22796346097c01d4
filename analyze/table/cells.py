"""How the values of columns are written: as lines of text, in CSV, in JSON; and how they sort."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from layergraph.analyze.size_text import aligned, learnables_text, plain_size, size_text
from layergraph.layers.layer import Shape
from layergraph.sizes import Size
from layergraph.wording import byte_count, short_count, times, visible

BLANK = ""
"""The value of a block where the values of its layers have no sum."""

Activations = Sequence[tuple[str, Size | None]]
Shapes = Mapping[str, Shape] | None


class Kind(NamedTuple):
    """A kind of values.

    Attributes:
        lines: the value in a table to be read.
        plain: the value in CSV: text, or a number.
        record: the value in JSON.
        order: what to sort by; ``None`` where the value is unknown.
        number: whether it is written to the right, and may be shortened.
        floors: the width down to which a column shrinks first, and at last.
    """

    lines: Callable[[Any], list[str]]
    plain: Callable[[Any], str | int]
    record: Callable[[Any], Any]
    order: Callable[[Any], Any]
    number: bool
    floors: tuple[int, int]


def _text_order(text: str) -> list[tuple[int, int | str]]:
    """``conv2`` before ``conv10``."""
    parts = re.split(r"([0-9]+)", text.casefold())
    return [(0, int(part[:40])) if index % 2 else (1, part) for index, part in enumerate(parts)]


def _activation_lines(activations: Activations, write: Callable[[Size | None], str] = size_text) -> list[str]:
    if len(activations) == 1:
        return [write(activations[0][1])]
    return aligned([(port, write(size)) for port, size in activations])


def _activations_plain(activations: Activations) -> str:
    if len(activations) == 1:
        return size_text(activations[0][1])
    return "; ".join(f"{port} {size_text(size)}" for port, size in activations)


def _activation_records(activations: Activations) -> list[dict[str, Any]]:
    return [
        {
            "port": port,
            "size": None if size is None else list(size.shape),
            "format": None if size is None else size.format,
        }
        for port, size in activations
    ]


def _activations_order(activations: Activations) -> int | None:
    size = activations[0][1]
    return None if size is None else size.num_elements


def _shape_lines(shapes: Shapes) -> list[str]:
    if shapes is None or len(shapes) < 2:
        return learnables_text(shapes)
    return aligned([(visible(name), times(numbers)) for name, numbers in shapes.items()])


def _shapes_plain(shapes: Shapes) -> str:
    return "; ".join(learnables_text(shapes)) if shapes != {} else ""


def _shape_records(shapes: Shapes) -> list[dict[str, Any]] | None:
    if shapes is None:
        return None
    return [{"name": name, "size": list(numbers)} for name, numbers in shapes.items()]


def shape_count(shapes: Shapes) -> int | None:
    """How many numbers there are in all; ``None`` if that is unknown."""
    return None if shapes is None else sum(map(prod, shapes.values()))


def _same(value: Any) -> Any:
    return value


def _number_lines(write: Callable[[int], str]) -> Callable[[int | None], list[str]]:
    return lambda count: ["?" if count is None else write(count)]


def _number_plain(count: int | None) -> str | int:
    return "" if count is None else count


def _number(write: Callable[[int], str], narrow: int) -> Kind:
    return Kind(_number_lines(write), _number_plain, _same, _same, True, (narrow, narrow))


TEXT = Kind(lambda text: [visible(text)], visible, _same, _text_order, False, (16, 6))
NAME = TEXT._replace(floors=(26, 10))
SENTENCE = TEXT._replace(floors=(30, 8))
NAMES = Kind(
    lambda names: [visible(", ".join(names))],
    lambda names: visible("; ".join(names)),
    list,
    lambda names: [_text_order(name) for name in names],
    False,
    (18, 8),
)
INDEX = _number(str, 4)
COUNT = _number("{:,}".format, 6)
BYTES = _number(byte_count, 9)
NUMBERS = Kind(
    lambda numbers: ["?" if numbers is None else times(numbers)],
    lambda numbers: "" if numbers is None else times(numbers),
    lambda numbers: None if numbers is None else list(numbers),
    lambda numbers: None if numbers is None else prod(numbers),
    False,
    (9, 7),
)
ACTIVATIONS = Kind(
    _activation_lines, _activations_plain, _activation_records, _activations_order, False, (22, 10)
)
SHAPES = Kind(_shape_lines, _shapes_plain, _shape_records, shape_count, False, (18, 8))


def compact(kind: Kind, value: Any) -> list[str]:
    """The lines of a value where space is short: of sizes that of the first output, without labels."""
    if kind is not ACTIVATIONS or value == BLANK:
        return lines(kind, value)
    more = f" +{len(value) - 1}" if len(value) > 1 else ""
    return [f"{plain_size(value[0][1])}{more}"]


def lines(kind: Kind, value: Any) -> list[str]:
    """The lines of a value, of a block's too."""
    return [""] if value == BLANK else kind.lines(value)


def short(kind: Kind, value: Any) -> str:
    """What stands for a number that does not fit: half a number would say something wrong."""
    if not kind.number or value == BLANK:
        return ""
    return short_count(value) if kind is COUNT and value is not None and value >= 1000 else "…"
