"""A comparison as HTML: both networks side by side, differences in color; no program, nothing to load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from layergraph.analyze.comparison.text import MARKS, details, fed_by, names, summary, total_rows
from layergraph.analyze.size_text import plain_size
from layergraph.pages.frame import templates
from layergraph.wording import visible

if TYPE_CHECKING:
    from layergraph.analyze.comparison.differences import Differences
    from layergraph.analyze.comparison.find_differences import LayerComparison
    from layergraph.analyze.result import LayerInfo

_FEW = 40  # up to this many layers, the page first shows all


class _Side(NamedTuple):
    name: str
    description: str
    sizes: list[str]


class _Row(NamedTuple):
    mark: str
    status: str
    before: _Side
    after: _Side
    details: list[tuple[str, str]]


def page(comparison: Differences) -> str:
    """A self-contained HTML page."""
    return templates(Path(__file__).parent).get_template("comparison.html").render(_values(comparison))


def fragment(comparison: Differences) -> str:
    """The comparison alone, for another page."""
    return templates(Path(__file__).parent).get_template("comparison_result.html").render(_values(comparison))


def _values(comparison: Differences) -> dict[str, Any]:
    before, after = names(comparison)
    issues = [("new", issue) for issue in comparison.appeared] + [
        ("gone", issue) for issue in comparison.gone
    ]
    return {
        "before": before,
        "after": after,
        "summary": summary(comparison),
        "totals": total_rows(comparison),
        "issues": [
            (
                which,
                issue.severity,
                visible(issue.layer),
                visible(issue.message),
                visible(issue.edit),
                issue.code,
            )
            for which, issue in issues
        ],
        "rows": [_row(comparison, row) for row in comparison.layers],
        # of two equal networks, hiding the equal layers would leave nothing to see
        "only_differences": len(comparison.layers) > _FEW and not comparison.is_equal,
    }


def _row(comparison: Differences, row: LayerComparison) -> _Row:
    # the columns of both networks show the sizes already
    differences = [] if row.status == "resized" else details(row)
    for analysis, info in ((comparison.before, row.before), (comparison.after, row.after)):
        # such a layer has no other side to compare with, so its sources are listed instead
        if row.status in ("added", "removed") and info and (sources := fed_by(analysis, info)):
            differences.append(("from", sources))
    return _Row(MARKS.get(row.status, "~"), row.status, _side(row.before), _side(row.after), differences)


def _side(info: LayerInfo | None) -> _Side:
    if info is None:
        return _Side("", "", [])
    return _Side(
        visible(info.name), visible(info.description), [plain_size(size) for _, size in info.activations]
    )
