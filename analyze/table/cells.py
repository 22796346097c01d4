"""Write and sort the values of columns: as lines of text, in CSV and in JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from layergraph.analyze.size_text import align, learnables_text, plain_size, size_text
from layergraph.layers.layer import Shape
from layergraph.sizes import Size
from layergraph.wording import byte_count, short_count, times, visible

BLANK = ""  # None is an unknown value, which a table shows as "?"
"""The value of a block in a column that cannot be summed."""

Activations = Sequence[tuple[str, Size | None]]
Shapes = Mapping[str, Shape] | None


class ValueKind(NamedTuple):
    """A kind of values, with the functions that write and sort them.

    Attributes:
        lines: the lines of a value in a printed table.
        plain: the value in CSV: text, or a number.
        record: the value in JSON.
        order: the key to sort by; ``None`` where the value is unknown.
        number: whether values are align on the right and may be abbreviated.
        floors: two widths; a column shrinks to the first before other columns must shrink to the second.
    """

    lines: Callable[[Any], list[str]]
    plain: Callable[[Any], str | int]
    record: Callable[[Any], Any]
    order: Callable[[Any], Any]
    number: bool
    floors: tuple[int, int]


def _text_order(text: str) -> list[tuple[int, int | str]]:
    """A key that sorts ``conv2`` before ``conv10``."""
    parts = re.split(r"([0-9]+)", text.casefold())
    # at most 40 digits: Python refuses to convert thousands of them
    return [(0, int(part[:40])) if index % 2 else (1, part) for index, part in enumerate(parts)]


def activation_texts(activations: Activations) -> list[str]:
    """The size of each output, after its port if there are several."""
    if len(activations) == 1:
        return [size_text(activations[0][1])]
    return [f"{port} {size_text(size)}" for port, size in activations]


def _activation_lines(activations: Activations) -> list[str]:
    if len(activations) == 1:
        return activation_texts(activations)
    return align([(port, size_text(size)) for port, size in activations])


def _activations_plain(activations: Activations) -> str:
    return "; ".join(activation_texts(activations))


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
    # further outputs, such as the indices of pooling, are by-products
    size = activations[0][1]
    return None if size is None else size.num_elements


def _shape_lines(shapes: Shapes) -> list[str]:
    if shapes is None or len(shapes) < 2:
        return learnables_text(shapes)
    return align([(visible(name), times(shape)) for name, shape in shapes.items()])


def _shapes_plain(shapes: Shapes) -> str:
    # a table shows "-" for a layer without learnables; a cell of a spreadsheet stays empty
    return "; ".join(learnables_text(shapes)) if shapes != {} else ""


def _shape_records(shapes: Shapes) -> list[dict[str, Any]] | None:
    if shapes is None:
        return None
    return [{"name": name, "size": list(shape)} for name, shape in shapes.items()]


def num_elements(shapes: Shapes) -> int | None:
    """The number of elements of all tensors; ``None`` if it is unknown."""
    return None if shapes is None else sum(map(prod, shapes.values()))


def _same(value: Any) -> Any:
    return value


def _number_lines(write: Callable[[int], str]) -> Callable[[int | None], list[str]]:
    return lambda count: ["?" if count is None else write(count)]


def _number_plain(count: int | None) -> str | int:
    # a "?" would turn a column of numbers in a spreadsheet into text
    return "" if count is None else count


def _number(write: Callable[[int], str], floor: int) -> ValueKind:
    # both floors are equal: a number has one short form, and none between
    return ValueKind(_number_lines(write), _number_plain, _same, _same, True, (floor, floor))


TEXT = ValueKind(lambda text: [visible(text)], visible, _same, _text_order, False, (16, 6))
NAME = TEXT._replace(floors=(26, 10))
SENTENCE = TEXT._replace(floors=(30, 8))
NAMES = ValueKind(
    lambda names: [visible(", ".join(names))],
    lambda names: visible("; ".join(names)),
    list,
    lambda names: [_text_order(name) for name in names],
    False,
    (18, 8),
)
# each floor has room for a short form: an index of four digits, 999.9k, 999.9 MiB
INDEX = _number(str, 4)
COUNT = _number("{:,}".format, 6)
BYTES = _number(byte_count, 9)
SHAPE = ValueKind(
    lambda shape: ["?" if shape is None else times(shape)],
    lambda shape: "" if shape is None else times(shape),
    lambda shape: None if shape is None else list(shape),
    # by area or volume: 7×1 is smaller than 3×3
    lambda shape: None if shape is None else prod(shape),
    False,
    (9, 7),
)
ACTIVATIONS = ValueKind(
    _activation_lines, _activations_plain, _activation_records, _activations_order, False, (22, 10)
)
SHAPES = ValueKind(_shape_lines, _shapes_plain, _shape_records, num_elements, False, (18, 8))


def lines(kind: ValueKind, value: Any) -> list[str]:
    """The lines of a value, also of one that is blank."""
    return [""] if value == BLANK else kind.lines(value)


def narrow_lines(kind: ValueKind, value: Any) -> list[str]:
    """The lines of a value in a narrow table: of several activations only the first, without labels."""
    if kind is not ACTIVATIONS or value == BLANK:
        return lines(kind, value)
    more = f" +{len(value) - 1}" if len(value) > 1 else ""
    return [f"{plain_size(value[0][1])}{more}"]


def abbreviation(kind: ValueKind, value: Any) -> str:
    """The text that replaces a number that does not fit; empty for other values, which may be cut."""
    if not kind.number or value == BLANK:
        return ""
    # bytes are short already, and a cut index would be that of another layer
    return short_count(value) if kind is COUNT and value is not None and value >= 1000 else "…"
