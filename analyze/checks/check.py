"""A check of the catalog: its code, severity and function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.issues import Issue, Severity


@dataclass(frozen=True)
class Check:
    """One check of the catalog.

    Attributes:
        code: a stable code, with a section in ``docs/issues.md``.
        severity: the severity of its findings.
        title: the problem in a few words.
        find: returns the findings in a graph; ``None`` if layers, edits or size inference report them.
    """

    code: str
    severity: Severity
    title: str
    find: Callable[[CheckedGraph], Iterable[Issue]] | None = None
