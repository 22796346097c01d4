"""The report on loaded weights: loaded tensors, skipped tensors with reasons, layers without weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

from layergraph.sizes import Shape
from layergraph.tables import Table
from layergraph.wording import counted, listed, times

_MOST_ROWS = 12  # in a printed table or list


class LoadedTensor(NamedTuple):
    """One tensor of a layer, its key in the file (empty: not from the file), and a note on its conversion."""

    layer: str
    tensor: str
    key: str
    shape: Shape
    note: str = ""


class SkippedTensor(NamedTuple):
    """One tensor of the file that no layer got, and the reason."""

    key: str
    reason: str


@dataclass(frozen=True)
class WeightsReport:
    """The result of :func:`layergraph.pretrained.load_weights`; it prints a summary and short tables.

    Attributes:
        source: the file, or the name of the mapping.
        loaded: each tensor that a layer got.
        skipped: each tensor of the file that no layer got, with the reason.
        not_loaded: the layers with learnables but without weights, which start from their initializers.
    """

    source: str
    loaded: tuple[LoadedTensor, ...]
    skipped: tuple[SkippedTensor, ...]
    not_loaded: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The report in one line."""
        layers = len({row.layer for row in self.loaded})
        parts = [f"{counted(len(self.loaded), 'tensor')} loaded into {counted(layers, 'layer')}"]
        notes = Counter(note for row in self.loaded for note in row.note.split("; ") if note)
        if notes:
            parts[0] += f" ({', '.join(f'{count} {note}' for note, count in notes.items())})"
        parts.append(f"{len(self.skipped)} of the file skipped")
        if self.not_loaded:
            parts.append(
                f"{counted(len(self.not_loaded), 'layer')} without weights: {listed(self.not_loaded)}"
            )
        return f"weights from {self.source}: {'; '.join(parts)}"

    def to_table(self) -> Table:
        """The loaded tensors, in columns ``layer``, ``tensor``, ``key``, ``size`` and ``note``."""
        columns: dict[str, list[Any]] = {"layer": [], "tensor": [], "key": [], "size": [], "note": []}
        for row in self.loaded:
            for column, value in zip(columns, row._replace(shape=()), strict=True):
                columns[column].append(value)
            columns["size"][-1] = times(row.shape)
        return Table(columns)

    def to_dict(self) -> dict[str, Any]:
        """The report as a dictionary for ``json.dumps``."""
        return {
            "source": self.source,
            "loaded": [{**row._asdict(), "shape": list(row.shape)} for row in self.loaded],
            "skipped": [row._asdict() for row in self.skipped],
            "not_loaded": list(self.not_loaded),
        }

    def __str__(self) -> str:
        lines = [self.summary, "", *_shortened_table(self.to_table())]
        if self.skipped:
            keys, reasons = zip(*self.skipped, strict=True)
            lines += ["", *_shortened_table(Table({"skipped": keys, "reason": reasons}))]
        if self.not_loaded:
            names = listed(self.not_loaded, _MOST_ROWS)
            lines += ["", f"without weights, starting from their initializers: {names}"]
        return "\n".join(lines)


def _shortened_table(table: Table) -> list[str]:
    lines = str(table).splitlines()
    hidden = len(table) - _MOST_ROWS
    return lines if hidden <= 0 else [*lines[: 2 + _MOST_ROWS], f"... and {hidden} more"]
