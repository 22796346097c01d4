"""Look at networks before a weight exists: sizes, findings, costs, a table, a page, a diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layergraph.analyze.analysis import NetworkAnalysis, analyze_network
from layergraph.analyze.result import Activation, LayerInfo

if TYPE_CHECKING:
    from layergraph.analyze.comparison.comparison import Comparison, compare
    from layergraph.analyze.comparison.differences import Total
    from layergraph.analyze.comparison.find_differences import LayerComparison
    from layergraph.analyze.costs.costs import LayerCosts, NetworkCosts
    from layergraph.analyze.diagram.diagram import plot
    from layergraph.analyze.diagram.rendering import Diagram
    from layergraph.analyze.explanation.explanation import Explanation, explain
    from layergraph.analyze.explanation.trace import ExplainedLayer
    from layergraph.analyze.table.layer_table import LayerTable
    from layergraph.analyze.table.rows import TableRow

__all__ = [
    "Activation",
    "Comparison",
    "Diagram",
    "ExplainedLayer",
    "Explanation",
    "LayerComparison",
    "LayerCosts",
    "LayerInfo",
    "LayerTable",
    "NetworkAnalysis",
    "NetworkCosts",
    "TableRow",
    "Total",
    "analyze_network",
    "compare",
    "explain",
    "plot",
]

# imported when first asked for: an analysis needs none of them, and diagrams need the package graphviz
_LAZY = {
    "Comparison": "comparison.comparison",
    "Diagram": "diagram.rendering",
    "ExplainedLayer": "explanation.trace",
    "Explanation": "explanation.explanation",
    "LayerComparison": "comparison.find_differences",
    "LayerCosts": "costs.costs",
    "LayerTable": "table.layer_table",
    "NetworkCosts": "costs.costs",
    "TableRow": "table.rows",
    "Total": "comparison.differences",
    "compare": "comparison.comparison",
    "explain": "explanation.explanation",
    "plot": "diagram.diagram",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(f"layergraph.analyze.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
