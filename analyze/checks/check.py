"""A check: its code, how bad what it finds is, and the function that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.issues import Issue, Severity


@dataclass(frozen=True)
class Check:
    """One check of the catalogue.

    Attributes:
        code: stable; ``docs/issues.md`` has a section for each.
        severity: of its findings.
        title: what is wrong, in a few words.
        find: its findings in a graph; ``None`` where layers, propagation or edits find it themselves.
    """

    code: str
    severity: Severity
    title: str
    find: Callable[[CheckedGraph], Iterable[Issue]] | None = None
