"""What keeps a network from running, told once, with its cure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from layergraph.analyze.checks import channels, size_fixes
from layergraph.analyze.checks.checked_graph import Subject
from layergraph.analyze.checks.connections import joined_up
from layergraph.analyze.checks.edit import input_text
from layergraph.analyze.checks.forgotten import forgotten
from layergraph.analyze.checks.unpooling_fixes import unpooled
from layergraph.graph.draft import End
from layergraph.issues import Issue

_CURES: Mapping[str, Callable[[Subject, Issue], Issue]] = {
    "LG-CHANNELS": channels.channels,
    "LG-CLASSES": channels.classes,
    "LG-CROPPING": size_fixes.cropping,
    "LG-DIMENSIONS": size_fixes.dimensions,
    "LG-SPATIAL": size_fixes.spatial,
    "LG-WINDOW": size_fixes.window,
}
_MOST_CURED = 8  # further faults are told as they are


def cured(subject: Subject) -> list[Issue]:
    """The facts of the propagation as findings: causes with their cures, and not what only follows."""
    found, connected = forgotten(subject)
    forgot = len(found)
    facts = connected.inferred_sizes.issues
    unpoolings, told = unpooled(connected, facts)
    found += unpoolings
    found += joined_up(connected, [issue for issue in facts if issue not in told])
    cures = 0
    for index, issue in enumerate(found):
        cure = _CURES.get(issue.code)
        if cure is not None and cures < _MOST_CURED and issue.layer:
            cures += 1
            found[index] = cure(connected, issue)
    missing = {repr(input_text(End(one.layer, one.port), subject.lgraph)) for one in found[:forgot]}
    for index, issue in enumerate(found[forgot:], forgot):
        if any(target in issue.edit for target in missing):  # it needs the connection that is not there
            found[index] = replace(issue, edit="")
    return _merged(found)


def _merged(issues: list[Issue]) -> list[Issue]:
    """One finding for faults that one edit mends."""
    found: dict[tuple[str, str] | int, Issue] = {}
    for index, issue in enumerate(issues):
        key = (issue.code, issue.edit) if issue.edit else index
        first = found.get(key)
        found[key] = issue if first is None else replace(first, others=(*first.others, issue.layer))
    return list(found.values())
