"""Which layers a table shows, in which columns and which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from itertools import groupby
from typing import TYPE_CHECKING, Any

from layergraph.analyze.table.cells import BLANK
from layergraph.analyze.table.columns import COLUMNS, Column, Facts
from layergraph.analyze.table.layer_table import LayerTable
from layergraph.analyze.table.rows import TableRow
from layergraph.errors import ArgumentError, did_you_mean
from layergraph.layers.arguments import flag

if TYPE_CHECKING:
    from layergraph.analyze.result import LayerInfo

Words = str | Sequence[str]
"""One word or several."""


def layer_table(
    facts: Facts,
    columns: Words,
    *,
    sort_by: Words = (),
    names: Words = (),
    types: Words = (),
    blocks: Words = (),
    group: bool = False,
) -> LayerTable:
    """The table that was asked for; see :meth:`NetworkAnalysis.table`."""
    group = flag("table", "group", group)
    chosen = _columns(columns)
    keys = [_sort_key(key) for key in _words("sort_by", sort_by)]
    layers = list(facts.analysis.layers)
    layers = _matching("names", "layer is called", layers, names, lambda layer: layer.name)
    layers = _matching("types", "layer has the type", layers, types, lambda layer: layer.type, fold=True)
    layers = _matching("blocks", "block is called", layers, blocks, lambda layer: facts.block_of[layer.name])
    groups = [[layer] for layer in layers]
    if group:
        groups = [list(found) for _, found in groupby(layers, lambda layer: facts.block_of[layer.name])]
    for column, descending in reversed(keys):
        groups = _sorted(groups, facts, column, descending)
    rows = tuple(_row(facts, found, chosen, whole=group) for found in groups)
    places = {column.name: index for index, column in enumerate(chosen) if column.summed}
    totals = {
        name: chosen[index].merged(layers, [row.values[index] for row in rows])
        for name, index in places.items()
    }
    return LayerTable(tuple(column.name for column in chosen), rows, totals, facts.analysis)


def _row(facts: Facts, layers: Sequence[LayerInfo], columns: Sequence[Column], *, whole: bool) -> TableRow:
    values = [_value(facts, layers, column) for column in columns]
    names = tuple(layer.name for layer in layers)
    block = facts.block_of[names[0]] if whole and len(names) > 1 else ""
    if block:
        values = [
            f"{block}*" if column.name == "name" else v for column, v in zip(columns, values, strict=True)
        ]
    return TableRow(names, block, tuple(values))


def _value(facts: Facts, layers: Sequence[LayerInfo], column: Column) -> Any:
    values = [column.value(facts, layer) for layer in layers]
    return values[0] if len(values) == 1 else column.merged(layers, values)


def _sorted(
    groups: list[list[LayerInfo]], facts: Facts, column: Column, descending: bool
) -> list[list[LayerInfo]]:
    """Sorted by a column; what is equal stays as it is, what is unknown or blank comes last."""
    known, unknown = [], []
    for layers in groups:
        value = _value(facts, layers, column)
        order = None if value == BLANK else column.kind.order(value)
        if order is None:
            unknown.append(layers)
        else:
            known.append((order, layers))
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [layers for _, layers in known] + unknown


def _words(argument: str, words: object) -> tuple[str, ...]:
    """One word or several, as a tuple."""
    if isinstance(words, str):
        return (words,)
    if not isinstance(words, Sequence) or not all(isinstance(word, str) for word in words):
        raise ArgumentError(f"table: {argument} is text or a sequence of texts, got {words!r}")
    return tuple(words)


def _columns(names: Words) -> list[Column]:
    names = list(COLUMNS) if names == "all" else names
    found = [_column("columns", name) for name in _words("columns", names)]
    if not found or len(set(found)) < len(found):
        raise ArgumentError(f"table: columns are one column or several, each once, got {names!r}")
    return found


def _column(argument: str, name: str) -> Column:
    column = COLUMNS.get(name)
    if column is None:
        near = did_you_mean(name, COLUMNS)
        if not near.startswith("; did"):
            near = f"; the columns are {', '.join(COLUMNS)}"
        raise ArgumentError(f"table: {argument}: no column is called {name!r}{near}")
    return column


def _sort_key(key: str) -> tuple[Column, bool]:
    """A column, and whether large comes first."""
    return _column("sort_by", key.removeprefix("-")), key.startswith("-")


def _matching(
    argument: str,
    what: str,
    layers: list[LayerInfo],
    patterns: Words,
    text_of: Callable[[LayerInfo], str],
    *,
    fold: bool = False,
) -> list[LayerInfo]:
    """The layers whose text fits a pattern; a text without ``*``, ``?`` or ``[`` has to fit one at least."""
    patterns = _words(argument, patterns)
    if not patterns:
        return layers
    texts = [text_of(layer) for layer in layers]
    folded = [text.casefold() for text in texts] if fold else texts
    fitting = set()
    for pattern in patterns:
        wanted = pattern.casefold() if fold else pattern
        # a name may hold what patterns are made of
        places = [index for index, text in enumerate(folded) if text == wanted or fnmatchcase(text, wanted)]
        if not places and not set(pattern) & set("*?["):
            raise ArgumentError(f"table: no {what} {pattern!r}{_nearest(pattern, texts)}")
        fitting.update(places)
    return [layer for index, layer in enumerate(layers) if index in fitting]


def _nearest(pattern: str, texts: Sequence[str]) -> str:
    """A sentence ending with the texts that hold the pattern, or the nearest ones."""
    known = dict.fromkeys(texts)
    holding = [text for text in known if pattern.casefold() in text.casefold()][:3]
    return f"; did you mean {' or '.join(map(repr, holding))}?" if holding else did_you_mean(pattern, known)
