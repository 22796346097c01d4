"""Select the layers, columns and order of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from itertools import groupby
from typing import TYPE_CHECKING, Any

from layergraph.analyze.table.cells import BLANK
from layergraph.analyze.table.columns import COLUMNS, Column, TableData
from layergraph.analyze.table.layer_table import LayerTable
from layergraph.analyze.table.rows import TableRow
from layergraph.errors import ArgumentError, did_you_mean
from layergraph.layers.arguments import flag
from layergraph.wording import quoted

if TYPE_CHECKING:
    from layergraph.analyze.result import LayerInfo

Words = str | Sequence[str]
"""One word or several."""


def select_layers(
    data: TableData,
    columns: Words,
    *,
    sort_by: Words = (),
    names: Words = (),
    types: Words = (),
    blocks: Words = (),
    group: bool = False,
) -> LayerTable:
    """Make a table with this selection; see :meth:`NetworkAnalysis.table` for the arguments."""
    # 1. All arguments that can be checked without the network
    group = flag("table", "group", group)
    selected = _select_columns(columns)
    sort_keys = [_sort_key(key) for key in _words("sort_by", sort_by)]
    # 2. The layers that match, alone or in blocks, and their order
    layers = list(data.analysis.layers)
    layers = _matching("names", "layer is called", layers, names, lambda layer: layer.name)
    layers = _matching("types", "layer has the type", layers, types, lambda layer: layer.type, fold_case=True)
    layers = _matching("blocks", "block is called", layers, blocks, lambda layer: data.block_of[layer.name])
    groups = [[layer] for layer in layers]
    if group:
        # blocks are consecutive in the analyzer's order, so that groupby meets each of them once
        groups = [list(members) for _, members in groupby(layers, lambda layer: data.block_of[layer.name])]
    # by the last key first: sorting is stable, so earlier keys take precedence
    for column, descending in reversed(sort_keys):
        groups = _sort(groups, data, column, descending)
    # 3. Values and totals, for the selected layers only
    rows = tuple(_row(data, members, selected, is_grouped=group) for members in groups)
    totals = {
        column.name: column.merge(layers, [row.values[index] for row in rows])
        for index, column in enumerate(selected)
        if column.is_summed
    }
    return LayerTable(tuple(column.name for column in selected), rows, totals, data.analysis)


def _row(
    data: TableData, layers: Sequence[LayerInfo], columns: Sequence[Column], *, is_grouped: bool
) -> TableRow:
    values = [_value(data, layers, column) for column in columns]
    names = tuple(layer.name for layer in layers)
    block = data.block_of[names[0]] if is_grouped and len(names) > 1 else ""
    if block:
        values = [
            # with a star, because a block may have the name of one of its layers
            f"{block}*" if column.name == "name" else value
            for column, value in zip(columns, values, strict=True)
        ]
    return TableRow(names, block, tuple(values))


def _value(data: TableData, layers: Sequence[LayerInfo], column: Column) -> Any:
    values = [column.value(data, layer) for layer in layers]
    # a block of one layer is shown as that layer, with all its outputs
    return values[0] if len(values) == 1 else column.merge(layers, values)


def _sort(
    groups: list[list[LayerInfo]], data: TableData, column: Column, descending: bool
) -> list[list[LayerInfo]]:
    """Sort by a column; equal rows keep their order, and unknown and blank values come last."""
    # apart: a key for the unknown ones would put them first in descending order
    known, unknown = [], []
    for layers in groups:
        value = _value(data, layers, column)
        order = None if value == BLANK else column.kind.order(value)
        if order is None:
            unknown.append(layers)
        else:
            known.append((order, layers))
    # by the key alone, as layers have no order; reverse=True also keeps equal rows in place
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [layers for _, layers in known] + unknown


def _words(argument: str, words: object) -> tuple[str, ...]:
    """One word or several, as a tuple."""
    # text first: to Python it is a sequence of letters
    if isinstance(words, str):
        return (words,)
    if not isinstance(words, Sequence) or not all(isinstance(word, str) for word in words):
        raise ArgumentError(f"table: {argument} must be text or a sequence of texts, got {quoted(words)}")
    return tuple(words)


def _select_columns(names: Words) -> list[Column]:
    names = list(COLUMNS) if names == "all" else names
    columns = [_column("columns", name) for name in _words("columns", names)]
    if not columns or len(set(columns)) < len(columns):
        raise ArgumentError(f"table: columns must be one or more columns, each once, got {quoted(names)}")
    return columns


def _column(argument: str, name: str) -> Column:
    column = COLUMNS.get(name)
    if column is None:
        advice = did_you_mean(name, COLUMNS)
        if not advice.startswith("; did"):  # nothing is near: list all columns, not only the first ones
            advice = f"; the columns are {', '.join(COLUMNS)}"
        raise ArgumentError(f"table: {argument}: no column is called {quoted(name)}{advice}")
    return column


def _sort_key(key: str) -> tuple[Column, bool]:
    """A column, and whether the largest value comes first."""
    return _column("sort_by", key.removeprefix("-")), key.startswith("-")


def _matching(
    argument: str,
    subject: str,
    layers: list[LayerInfo],
    patterns: Words,
    text_of: Callable[[LayerInfo], str],
    *,
    fold_case: bool = False,
) -> list[LayerInfo]:
    """The layers whose text matches a pattern; a text without ``*``, ``?`` or ``[`` must match a layer."""
    patterns = _words(argument, patterns)
    if not patterns:
        return layers
    texts = [text_of(layer) for layer in layers]
    folded = [text.casefold() for text in texts] if fold_case else texts
    matching: set[int] = set()
    for pattern in patterns:
        wanted = pattern.casefold() if fold_case else pattern
        # the name "[bracket]" is also a pattern, and one that does not match itself
        # fnmatchcase, because fnmatch ignores case on Windows
        indices = [index for index, text in enumerate(folded) if text == wanted or fnmatchcase(text, wanted)]
        # a pattern may match nothing, but a name that does not exist is a typo
        if not indices and not set(pattern) & set("*?["):
            raise ArgumentError(f"table: no {subject} {quoted(pattern)}{_nearest(pattern, texts)}")
        matching.update(indices)
    return [layer for index, layer in enumerate(layers) if index in matching]


def _nearest(pattern: str, texts: Sequence[str]) -> str:
    """The end of a sentence that names the texts with the pattern in them, or the nearest ones."""
    known = dict.fromkeys(texts)
    containing = [text for text in known if pattern.casefold() in text.casefold()][:3]
    if containing:
        return f"; did you mean {' or '.join(map(quoted, containing))}?"
    return did_you_mean(pattern, known)
