"""Looking at networks before a weight exists: sizes, faults, a table, a page, a diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layergraph.analyze.analysis import NetworkAnalysis, analyze_network
from layergraph.analyze.result import Activation, LayerInfo

if TYPE_CHECKING:
    from layergraph.analyze.comparison.comparison import Comparison, compare
    from layergraph.analyze.comparison.find_differences import LayerComparison
    from layergraph.analyze.costs.costs import LayerCosts, NetworkCosts
    from layergraph.analyze.diagram.diagram import diagram_source, plot, save_diagram
    from layergraph.analyze.explanation.explanation import Explanation, explain
    from layergraph.analyze.explanation.trace import ExplainedLayer

__all__ = [
    "Activation",
    "Comparison",
    "ExplainedLayer",
    "Explanation",
    "LayerComparison",
    "LayerCosts",
    "LayerInfo",
    "NetworkAnalysis",
    "NetworkCosts",
    "analyze_network",
    "compare",
    "diagram_source",
    "explain",
    "plot",
    "save_diagram",
]


# what an analysis does without; diagrams bring the package graphviz
_ON_REQUEST = {
    "Comparison": "comparison.comparison",
    "ExplainedLayer": "explanation.trace",
    "Explanation": "explanation.explanation",
    "LayerComparison": "comparison.differences",
    "LayerCosts": "costs.costs",
    "NetworkCosts": "costs.costs",
    "compare": "comparison.comparison",
    "diagram_source": "diagram.diagram",
    "explain": "explanation.explanation",
    "plot": "diagram.diagram",
    "save_diagram": "diagram.diagram",
}


def __getattr__(name: str) -> Any:
    if name in _ON_REQUEST:
        from importlib import import_module

        return getattr(import_module(f"layergraph.analyze.{_ON_REQUEST[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
