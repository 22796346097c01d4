"""Looking at networks before a weight exists: sizes, faults, a table, a page, a diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layergraph.analyze.analysis import Activation, LayerInfo, NetworkAnalysis, analyze_network

if TYPE_CHECKING:
    from layergraph.analyze.diagram import diagram_source, plot, save_diagram

__all__ = [
    "Activation",
    "LayerInfo",
    "NetworkAnalysis",
    "analyze_network",
    "diagram_source",
    "plot",
    "save_diagram",
]


def __getattr__(name: str) -> Any:
    # diagrams bring the package graphviz, which an analysis does without
    if name in ("diagram_source", "plot", "save_diagram"):
        from layergraph.analyze import diagram

        return getattr(diagram, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
