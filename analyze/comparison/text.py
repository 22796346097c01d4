"""A comparison in words: what was edited in full, what follows from it in short, the totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from layergraph.analyze.comparison.comparison_json import value_text
from layergraph.analyze.size_text import plain_size
from layergraph.analyze.table.grid import GAP, STYLES, Cell, Line, row_lines, widths_of
from layergraph.wording import byte_count, short_count, shortened, visible

if TYPE_CHECKING:
    from layergraph.analyze.comparison.differences import Differences, Total
    from layergraph.analyze.comparison.find_differences import LayerComparison
    from layergraph.analyze.result import AnalysisResult, LayerInfo

MARKS = {"added": "+", "removed": "-", "equal": " "}
"""The sign before a layer's row; ``~`` for all others."""

_COLORS = {"added": "green", "removed": "red"}
_EDITED = ("added", "removed", "renamed", "changed", "rewired")
_LONGEST_VALUE = 60
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
    """How many layers were added, removed and so on, in one line."""
    counts = {
        "added": len(comparison.added),
        "removed": len(comparison.removed),
        "renamed": len(comparison.renamed),
        "changed": len(comparison.changed),
        "rewired": len(comparison.rewired),
        "with other weights": len(comparison.reweighted),
        "of another size": len(comparison.resized),
    }
    found = [f"{count:,} {word}" for word, count in counts.items() if count]
    found += [f"{what} in another order" for what in comparison.reordered]
    return ", ".join(found) or "no difference"


def names(comparison: Differences) -> tuple[str, str]:
    """What the two networks are called."""
    return visible(comparison.before.name) or "before", visible(comparison.after.name) or "after"


def lines(comparison: Differences, most: int | None) -> Iterator[Line]:
    """The whole comparison; at most so many layers that merely have another size or other weights."""
    before, after = names(comparison)
    yield [(f"COMPARISON: {before} → {after}", "bold")]
    yield [(summary(comparison), "")]
    yield from _layer_lines(comparison)
    yield from _others(comparison, most)
    yield from _issue_lines(comparison)
    yield []
    yield from _total_lines(comparison)


def details(row: LayerComparison) -> list[tuple[str, str]]:
    """What differs in a layer that both networks have, each as what and how."""
    found = []
    if row.before and row.after and row.retyped:
        found.append(("type", f"{row.before.type} → {row.after.type}"))
    for argument, *values in row.arguments:
        # a layer of another type has not the argument at all
        texts = ["–" if value is None and row.retyped else visible(value_text(value)) for value in values]
        old, new = (shortened(text, _LONGEST_VALUE) for text in texts)
        found.append((argument, f"{old} → {new}"))
    for port, was, now in row.rewired:
        found.append((f"input {port}", f"{visible(was) or 'nothing'} → {visible(now) or 'nothing'}"))
    if row.weights:
        found.append(("weights", row.weights))
    for port, size_before, size_after in row.sizes:
        label = "size" if port == "out" else f"size of {port}"
        found.append((label, f"{plain_size(size_before)} → {plain_size(size_after)}"))
    return found


def fed_by(analysis: AnalysisResult, info: LayerInfo) -> str:
    """The layers that feed one, as ``connect_layers`` takes them."""
    fed = analysis.lgraph.sources(info.name).values()
    return ", ".join(visible(analysis.lgraph.output_text(end)) for end in fed)


def _layer_lines(comparison: Differences) -> Iterator[Line]:
    rows = [row for row in comparison.layers if row.status in _EDITED]
    if not rows:
        return
    yield []
    heads = []
    for row in rows:
        status = row.status
        analysis = comparison.before if row.after is None else comparison.after
        info = row.after or row.before
        assert info is not None
        name = visible(row.name)
        if row.before and row.is_renamed:
            name = f"{visible(row.before.name)} → {name}"
        sources = fed_by(analysis, info) if status in _COLORS else ""
        sizes = plain_size(info.activations[0].size) if status in _COLORS else ""
        color = _COLORS.get(status, "yellow")
        style = f"bold {color}"
        texts = [f"{MARKS.get(status, '~')} {name}", visible(info.description), sizes]
        heads.append([Cell([texts[0]], style), Cell([texts[1]], color), Cell([texts[2]], color),
                      Cell([f"from {sources}" if sources else ""], "dim")])  # fmt: skip
    widths = [min(width, most) for width, most in zip(widths_of(heads, 4), (48, 64, 20, 60), strict=True)]
    for row, head in zip(rows, heads, strict=True):
        yield from row_lines(head, widths)
        if row.status not in _COLORS:
            found = details(row)
            width = max((len(what) for what, _ in found), default=0)
            yield from ([(f"    {what:<{width}}{GAP}", "dim"), (how, "")] for what, how in found)


def _others(comparison: Differences, most: int | None) -> Iterator[Line]:
    """The layers that nobody edited: other weights, and another size because of what is before them."""
    for status, heading in (("weights", "Only other weights"), ("resized", "Only of another size")):
        rows = [row for row in comparison.layers if row.status == status]
        shown = rows if most is None else rows[:most]
        if rows:
            yield []
            yield [(f"{heading}: {len(rows):,} layer{'s' * (len(rows) != 1)}", "yellow")]
        width = min(max((len(visible(row.name)) for row in shown), default=0), 48)
        for row in shown:
            found = [(what, text) for what, text in details(row) if not what.startswith("size of ")]
            how = ", ".join(text if what == "size" else f"{what} {text}" for what, text in found)
            yield [(f"  {visible(row.name):<{width}}{GAP}", ""), (how, "dim")]
        if len(shown) < len(rows):
            yield [(f"  and {len(rows) - len(shown):,} more", "dim")]


def _issue_lines(comparison: Differences) -> Iterator[Line]:
    for issues, mark, word in ((comparison.appeared, "+", "new"), (comparison.gone, "-", "gone")):
        if issues:
            yield []
        for issue in issues:
            style = STYLES[issue.severity] if mark == "+" else "dim"
            place = f" at {visible(issue.layer)!r}" if issue.layer else ""
            text = issue.message if mark == "+" else issue.text
            yield [
                (f"{mark} {word} {issue.severity}{place}: ", style),
                (f"{visible(text)} [{issue.code}]", "" if mark == "+" else "dim"),
            ]


def total_rows(comparison: Differences) -> list[tuple[str, str, str, str]]:
    """The totals: label, before, after, and by how much they differ."""
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
    widths = [min(width, 40) for width in widths_of(cells, 4)]
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
    times = f"{after / before:.3g}" if before and name not in ("layers", "connections") else "1"
    return f"{sign}{_figure(name, abs(after - before))}{f' ({times}×)' if times != '1' else ''}"
