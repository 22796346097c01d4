"""What keeps a network from running, told once, with its cure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from layergraph.analyze.checks import channel_fixes, size_fixes
from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.connection_fixes import fix_connections
from layergraph.analyze.checks.missing_connections import find_missing_connections
from layergraph.analyze.checks.unpooling_fixes import fix_unpooling
from layergraph.graph.draft import End
from layergraph.issues import Issue

_FIXES: Mapping[str, Callable[[CheckedGraph, Issue], Issue]] = {
    "LG-CHANNELS": channel_fixes.fix_channels,
    "LG-CLASSES": channel_fixes.fix_classes,
    "LG-CROPPING": size_fixes.fix_cropping,
    "LG-DIMENSIONS": size_fixes.fix_dimensions,
    "LG-SPATIAL": size_fixes.fix_spatial,
    "LG-WINDOW": size_fixes.fix_window,
}
_MOST_FIXED = 8  # further faults are told as they are


def fix_faults(checked: CheckedGraph) -> list[Issue]:
    """The facts of the propagation as findings: causes with their cures, and not what only follows."""
    found, connected = find_missing_connections(checked)
    forgot = len(found)
    facts = connected.inferred_sizes.issues
    unpoolings, told = fix_unpooling(connected, facts)
    found += unpoolings
    found += fix_connections(connected, [issue for issue in facts if issue not in told])
    cures = 0
    for index, issue in enumerate(found):
        cure = _FIXES.get(issue.code)
        if cure is not None and cures < _MOST_FIXED and issue.layer:
            cures += 1
            found[index] = cure(connected, issue)
    missing = {repr(checked.lgraph.input_text(End(one.layer, one.port))) for one in found[:forgot]}
    for index, issue in enumerate(found[forgot:], forgot):
        if any(target in issue.edit for target in missing):  # it needs the connection that is not there
            found[index] = replace(issue, edit="")
    return _merge_equal_fixes(found)


def _merge_equal_fixes(issues: list[Issue]) -> list[Issue]:
    """One finding for faults that one edit fixes."""
    found: dict[tuple[str, str] | int, Issue] = {}
    for index, issue in enumerate(issues):
        key = (issue.code, issue.edit) if issue.edit else index
        first = found.get(key)
        found[key] = issue if first is None else replace(first, others=(*first.others, issue.layer))
    return list(found.values())
