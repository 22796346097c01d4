"""A comparison as text: edited layers in full, the consequences in short, the totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from layergraph.analyze.comparison.comparison_json import value_text
from layergraph.analyze.size_text import plain_size
from layergraph.analyze.table.text_columns import (
    GAP,
    STYLES,
    Cell,
    Line,
    column_widths,
    row_lines,
    shrink_widths,
)
from layergraph.wording import byte_count, counted, short_count, shortened, visible

if TYPE_CHECKING:
    from layergraph.analyze.comparison.differences import Differences, Total
    from layergraph.analyze.comparison.find_differences import LayerComparison
    from layergraph.analyze.result import AnalysisResult, LayerInfo

MARKS = {"added": "+", "removed": "-", "equal": " "}
"""The sign before a layer's row; ``~`` for all others."""

_COLORS = {"added": "green", "removed": "red"}
# all other differences are consequences of these, or of training, and take one line each
_EDITED = ("added", "removed", "renamed", "changed", "rewired")
# a list of classes or a torch module would fill the screen
_LONGEST_VALUE = 60
# on a narrow terminal: the column that shrinks next, and the width down to which it shrinks
_SHRINKING = ((1, 30), (3, 20), (0, 32), (1, 22), (3, 14), (0, 22), (1, 12), (3, 6), (2, 10), (0, 10))
_BYTES = ("activation_bytes_training", "peak_bytes_inference")
_LABELS = {
    "layers": "Layers",
    "connections": "Connections",
    "learnables": "Learnables",
    "multiply_adds": "Multiply-adds",
    "activation_bytes_training": "Activations, training",
    "peak_bytes_inference": "Peak in inference",
}


def summary(comparison: Differences) -> str:
    """The numbers of layers added, removed and so on, in one line."""
    counts = {
        "added": len(comparison.added),
        "removed": len(comparison.removed),
        "renamed": len(comparison.renamed),
        "changed": len(comparison.changed),
        "rewired": len(comparison.rewired),
        "with different weights": len(comparison.reweighted),
        "resized": len(comparison.resized),
    }
    parts = [f"{count:,} {word}" for word, count in counts.items() if count]
    parts += [f"{side} reordered" for side in comparison.reordered]
    return ", ".join(parts) or "no difference"


def names(comparison: Differences) -> tuple[str, str]:
    """The titles of the two networks."""
    return visible(comparison.before.name) or "before", visible(comparison.after.name) or "after"


def lines(comparison: Differences, most: int | None, width: int | None = None) -> Iterator[Line]:
    """The whole comparison; at most ``most`` of the layers that only have another size or weights.

    In ``width`` columns, long names are shortened and descriptions wrap.
    """
    before, after = names(comparison)
    yield [(f"COMPARISON: {before} → {after}", "bold")]
    yield [(summary(comparison), "")]
    # edits before their consequences; the totals last, next to the prompt of a terminal
    yield from _layer_lines(comparison, width)
    yield from _unedited_lines(comparison, most)
    yield from _issue_lines(comparison)
    yield []
    yield from _total_lines(comparison)


def details(row: LayerComparison) -> list[tuple[str, str]]:
    """The differences of a layer that both networks have, as labels and texts."""
    rows = []
    if row.before and row.after and row.is_retyped:
        rows.append(("type", f"{row.before.type} → {row.after.type}"))
    for argument, *values in row.arguments:
        # a layer of another type may lack the argument
        texts = ["–" if value is None and row.is_retyped else visible(value_text(value)) for value in values]
        old, new = (shortened(text, _LONGEST_VALUE) for text in texts)
        rows.append((argument, f"{old} → {new}"))
    for port, was, now in row.rewired:
        rows.append((f"input {port}", f"{visible(was) or 'nothing'} → {visible(now) or 'nothing'}"))
    if row.weights:
        rows.append(("weights", row.weights))
    for port, size_before, size_after in row.sizes:
        label = "size" if port == "out" else f"size of {port}"
        rows.append((label, f"{plain_size(size_before)} → {plain_size(size_after)}"))
    return rows


def fed_by(analysis: AnalysisResult, info: LayerInfo) -> str:
    """The outputs that feed a layer, as ``connect_layers`` takes them."""
    sources = analysis.lgraph.sources(info.name).values()
    return ", ".join(visible(analysis.lgraph.output_text(end)) for end in sources)


def _layer_lines(comparison: Differences, width: int | None) -> Iterator[Line]:
    rows = [row for row in comparison.layers if row.status in _EDITED]
    if not rows:
        return
    yield []
    # 1. The cells of all layers, because the first line needs the widths of all
    heads = []
    for row in rows:
        status = row.status
        analysis = comparison.before if row.after is None else comparison.after
        info = row.after or row.before
        assert info is not None
        name = visible(row.name)
        # two long names in a narrow column would lose what tells them apart
        if row.before and row.is_renamed and width is None:
            name = f"{visible(row.before.name)} → {name}"
        sources = fed_by(analysis, info) if status in _COLORS else ""
        sizes = plain_size(info.activations[0].size) if status in _COLORS else ""
        color = _COLORS.get(status, "yellow")
        style = f"bold {color}"
        heads.append([
            Cell([f"{MARKS.get(status, '~')} {name}"], style, is_name=True),
            Cell([visible(info.description)], color, color, wraps=True),
            Cell([sizes], color),
            Cell([f"from {sources}" if sources else ""], "dim", "dim", wraps=True),
        ])  # fmt: skip
    # one long description must not push the sizes of all layers off the screen
    widths = [min(own, most) for own, most in zip(column_widths(heads, 4), (48, 64, 20, 60), strict=True)]
    widths = shrink_widths(widths, width, _SHRINKING)
    # 2. The lines; an added or removed layer has no differences to list below it
    for row, head in zip(rows, heads, strict=True):
        yield from row_lines(head, widths)
        if row.status not in _COLORS:
            differences = details(row)
            if row.before and row.is_renamed and width is not None:
                differences.insert(0, ("name", f"{visible(row.before.name)} → {visible(row.name)}"))
            longest = max((len(label) for label, _ in differences), default=0)
            yield from ([(f"    {label:<{longest}}{GAP}", "dim"), (text, "")] for label, text in differences)


def _unedited_lines(comparison: Differences, most: int | None) -> Iterator[Line]:
    """The layers with other weights only, and those resized by an edit upstream."""
    for status, heading in (("weights", "Only different weights"), ("resized", "Only resized")):
        rows = [row for row in comparison.layers if row.status == status]
        shown = rows if most is None else rows[:most]
        if rows:
            yield []
            yield [(f"{heading}: {counted(len(rows), 'layer')}", "yellow")]
        width = min(max((len(visible(row.name)) for row in shown), default=0), 48)
        for row in shown:
            # one line has room for the first output only, not for the indices and sizes of pooling
            parts = [(label, text) for label, text in details(row) if not label.startswith("size of ")]
            changes = ", ".join(text if label == "size" else f"{label} {text}" for label, text in parts)
            yield [(f"  {visible(row.name):<{width}}{GAP}", ""), (changes, "dim")]
        if len(shown) < len(rows):
            yield [(f"  and {len(rows) - len(shown):,} more", "dim")]


def _issue_lines(comparison: Differences) -> Iterator[Line]:
    for issues, mark, word in ((comparison.appeared, "+", "new"), (comparison.gone, "-", "gone")):
        if issues:
            yield []
        for issue in issues:
            style = STYLES[issue.severity] if mark == "+" else "dim"
            place = f" at {visible(issue.layer)!r}" if issue.layer else ""
            # an issue that is gone needs no advice
            text = issue.message if mark == "+" else issue.text
            yield [
                (f"{mark} {word} {issue.severity}{place}: ", style),
                (f"{visible(text)} [{issue.code}]", "" if mark == "+" else "dim"),
            ]


def total_rows(comparison: Differences) -> list[tuple[str, str, str, str]]:
    """The totals: label, before, after, and their difference."""
    rows = []
    for name, total in comparison.totals().items():
        values = [_figure(name, value) for value in total]
        rows.append((_LABELS[name], *values, _difference(name, total)))
    return rows  # type: ignore[return-value]


def _total_lines(comparison: Differences) -> Iterator[Line]:
    header: Sequence[Any] = ("", *names(comparison), "difference")
    cells = []
    for index, (label, *values) in enumerate([header, *total_rows(comparison)]):
        style = "" if index else "dim"
        cells.append([Cell([label]), *(Cell([value], style, right=True) for value in values)])
    widths = [min(width, 40) for width in column_widths(cells, 4)]
    for row in cells:
        yield from row_lines(row, widths)


def _figure(name: str, value: int | None) -> str:
    if value is None:
        return "?"
    return byte_count(value) if name in _BYTES else f"{value:,}" if value < 10**9 else short_count(value)


def _difference(name: str, total: Total) -> str:
    before, after = total
    if before is None or after is None or before == after:
        return "" if None in total else "="
    sign = "+" if after > before else "−"
    # "1" means that no ratio is shown: before is 0, or the change vanishes in three digits
    times = f"{after / before:.3g}" if before and name not in ("layers", "connections") else "1"
    return f"{sign}{_figure(name, abs(after - before))}{f' ({times}×)' if times != '1' else ''}"
