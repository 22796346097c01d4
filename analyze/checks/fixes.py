"""The faults of a network as findings: each cause once, with the edit that fixes it.

Size inference reports every layer that cannot run. One mistake makes several such faults: a missing
connection leaves an input open, an output unused and perhaps a whole part disconnected, and it hides faults
downstream. A fix per fault would remove the unused branch instead of connecting it. So causes are looked for
one after the other, and each takes its consequences out of the list.
"""

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
_MOST_FIXED = 8  # further faults of sizes are reported without an edit


def fix_faults(checked: CheckedGraph) -> list[Issue]:
    """The faults of size inference as findings: causes with their fixes, without mere consequences."""
    # 1. Missing connections come first: in the graph with the connection their consequences are gone and the
    #    faults that they hid appear. All other phases examine that graph.
    missing, connected = find_missing_connections(checked)
    faults = connected.inferred_sizes.issues

    # 2. Unpooling layers. One without its pooling layer has two open inputs, but it is one finding.
    unpoolings, explained = fix_unpooling(connected, faults)

    # 3. Other connections. A missing input or output layer, a disconnected part and an unused branch explain
    #    the faults at their ends.
    others = fix_connections(connected, [fault for fault in faults if fault not in explained])
    findings = [*missing, *unpoolings, *others]

    # 4. Sizes and channels. Rules of thumb propose edits. They may be wrong, so that size inference tests
    #    each uncertain one, and only an edit that removes the fault is reported.
    num_fixed = 0
    for index, issue in enumerate(findings):
        fix = _FIXES.get(issue.code)
        if fix is not None and num_fixed < _MOST_FIXED and issue.layer:
            num_fixed += 1
            findings[index] = fix(connected, issue)

    # 5. Cleanup. Edits that remove a connection of phase 1 would fail on the user's graph.
    targets = {repr(checked.lgraph.input_text(End(issue.layer, issue.port))) for issue in missing}
    for index, issue in enumerate(findings[len(missing) :], len(missing)):
        if any(target in issue.edit for target in targets):
            findings[index] = replace(issue, edit="")
    return _merge_equal_fixes(findings)


def _merge_equal_fixes(issues: list[Issue]) -> list[Issue]:
    """One finding for faults that one edit fixes."""
    merged: dict[tuple[str, str] | int, Issue] = {}
    for index, issue in enumerate(issues):
        key = (issue.code, issue.edit) if issue.edit else index
        first = merged.get(key)
        merged[key] = issue if first is None else replace(first, others=(*first.others, issue.layer))
    return list(merged.values())
