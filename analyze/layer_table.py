"""A view of an analysis: the columns, rows and order that were asked for, in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from layergraph.analyze.cells import BLANK
from layergraph.analyze.columns import COLUMNS, Column, Facts
from layergraph.errors import LayerArgumentError, did_you_mean
from layergraph.layers.arguments import flag

if TYPE_CHECKING:
    from pandas import DataFrame
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

    from layergraph.analyze.analysis import LayerInfo, NetworkAnalysis

DEFAULT_COLUMNS = ("index", "name", "type", "activations", "num_learnables")

Words = str | Sequence[str]
"""One word or several."""


@dataclass(frozen=True)
class Row:
    """A row: a layer, or a block of several.

    Attributes:
        layers: the names of the layers it stands for.
        block: the name of the block it stands for; empty for a layer.
        values: the value of each column.
    """

    layers: tuple[str, ...]
    block: str
    values: tuple[Any, ...]


@dataclass(frozen=True, eq=False, repr=False)
class LayerTable:
    """Layers of an analysis in the columns and the order asked for; ``print`` and notebooks show it.

    Made by :meth:`NetworkAnalysis.table`.

    Attributes:
        columns: the names of the columns.
        rows: the rows, each with the values of the columns.
        totals: the sum of each column that has one, ``None`` where it is unknown.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    totals: dict[str, int | None]
    analysis: NetworkAnalysis = field(compare=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_records())

    @cached_property
    def num_layers(self) -> int:
        """How many layers the rows stand for."""
        return sum(len(row.layers) for row in self.rows)

    # -- to read -------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"LayerTable({len(self)} rows, columns {', '.join(self.columns)})"

    def __str__(self) -> str:
        """Cut to the width of the terminal if there is one, otherwise whole."""
        from layergraph.analyze.grid import terminal_width

        return self.to_text(terminal_width())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        from layergraph.analyze.grid import coloured
        from layergraph.analyze.layer_grid import grid_lines

        yield coloured(grid_lines(self, options.max_width if console.is_terminal else None))

    def _repr_html_(self) -> str:
        from layergraph.analyze.markup import html_table

        return html_table(self)

    def show(self) -> None:
        """Print the table, in colour where the terminal has colours; whole and plain to a file or pipe."""
        from layergraph.analyze.grid import show

        show(self)

    def to_text(self, width: int | None = None) -> str:
        """Plain text, cut with ``…`` to ``width`` columns; by default whole. A last row has the sums."""
        from layergraph.analyze.grid import plain
        from layergraph.analyze.layer_grid import grid_lines

        return plain(grid_lines(self, width))

    # -- to work with --------------------------------------------------------------------------

    def to_records(self) -> list[dict[str, Any]]:
        """A dictionary a row, ready for JSON; a block's has its layers under ``"layers"``."""
        kinds = [COLUMNS[name].kind for name in self.columns]
        found = []
        for row in self.rows:
            values = zip(self.columns, kinds, row.values, strict=True)
            if row.block:
                record = {
                    name: None if value == BLANK else kind.record(value) for name, kind, value in values
                }
                found.append({**record, "layers": list(row.layers)})
            else:
                found.append({name: kind.record(value) for name, kind, value in values})
        return found

    def to_json(self, indent: int | None = None) -> str:
        """The rows and totals as JSON; the keys are stable. What is unknown is ``null``."""
        from layergraph.analyze.records import json_text

        everything = {
            "name": self.analysis.name,
            "columns": list(self.columns),
            "rows": self.to_records(),
            "totals": self.totals,
        }
        return json_text(everything, indent)

    def to_csv(self) -> str:
        """CSV with a header; what a spreadsheet takes for a formula gets ``'`` before it."""
        from layergraph.analyze.records import csv_text

        return csv_text(self)

    def to_markdown(self) -> str:
        """The table in Markdown; names can become no markup."""
        from layergraph.analyze.markup import markdown_table

        return markdown_table(self)

    def to_latex(self) -> str:
        """The table for LaTeX with the packages ``longtable`` and ``booktabs``; names are escaped.

        >>> from layergraph import ImageInputLayer, ReluLayer
        >>> from layergraph.analyze import analyze_network
        >>> analysis = analyze_network([ImageInputLayer((8, 8, 1), name="in_1"), ReluLayer()])
        >>> print(analysis.table(["name", "type"]).to_latex().splitlines()[6])
        in\\_1 & Image Input \\\\
        """
        from layergraph.analyze.latex import latex_table

        return latex_table(self)

    def to_dataframe(self) -> DataFrame:
        """A pandas data frame: a row a row, counts as whole numbers, sizes as text.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        from layergraph.analyze.dataframe import data_frame

        return data_frame(self)


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


def _row(facts: Facts, layers: Sequence[LayerInfo], columns: Sequence[Column], *, whole: bool) -> Row:
    values = [_value(facts, layers, column) for column in columns]
    names = tuple(layer.name for layer in layers)
    block = facts.block_of[names[0]] if whole and len(names) > 1 else ""
    if block:
        values = [
            f"{block}*" if column.name == "name" else v for column, v in zip(columns, values, strict=True)
        ]
    return Row(names, block, tuple(values))


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
        raise LayerArgumentError(f"table: {argument} is text or a sequence of texts, got {words!r}")
    return tuple(words)


def _columns(names: Words) -> list[Column]:
    found = [_column("columns", name) for name in _words("columns", names)]
    if not found or len(set(found)) < len(found):
        raise LayerArgumentError(f"table: columns are one column or several, each once, got {names!r}")
    return found


def _column(argument: str, name: str) -> Column:
    column = COLUMNS.get(name)
    if column is None:
        near = did_you_mean(name, COLUMNS)
        if not near.startswith("; did"):
            near = f"; the columns are {', '.join(COLUMNS)}"
        raise LayerArgumentError(f"table: {argument}: no column is called {name!r}{near}")
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
            raise LayerArgumentError(f"table: no {what} {pattern!r}{_nearest(pattern, texts)}")
        fitting.update(places)
    return [layer for index, layer in enumerate(layers) if index in fitting]


def _nearest(pattern: str, texts: Sequence[str]) -> str:
    """A sentence ending with the texts that hold the pattern, or the nearest ones."""
    known = dict.fromkeys(texts)
    holding = [text for text in known if pattern.casefold() in text.casefold()][:3]
    return f"; did you mean {' or '.join(map(repr, holding))}?" if holding else did_you_mean(pattern, known)
