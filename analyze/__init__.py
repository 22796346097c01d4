"""Look at networks before a weight exists: sizes, findings, costs, a table, a page, a diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layergraph.analyze.analysis import NetworkAnalysis, analyze_network
from layergraph.analyze.result import Activation, AnalysisResult, LayerInfo
from layergraph.graph.size_inference import InferredSizes

if TYPE_CHECKING:
    # for type checkers, which do not follow __getattr__
    from layergraph.analyze.comparison.comparison import Comparison, compare
    from layergraph.analyze.comparison.differences import Total
    from layergraph.analyze.comparison.find_differences import (
        ArgumentChange,
        LayerComparison,
        Rewiring,
        SizeChange,
    )
    from layergraph.analyze.costs.costs import LayerCosts, NetworkCosts
    from layergraph.analyze.diagram.diagram import plot
    from layergraph.analyze.diagram.rendering import Diagram
    from layergraph.analyze.explanation.explanation import Explanation, explain
    from layergraph.analyze.explanation.trace import ExplainedInput, ExplainedLayer, ReceptiveFieldStep
    from layergraph.analyze.table.layer_table import LayerTable
    from layergraph.analyze.table.rows import TableRow
    from layergraph.layers.arithmetic import Formula, Step
    from layergraph.network.activation_memory import Peak

__all__ = [
    "Activation",
    "AnalysisResult",
    "ArgumentChange",
    "Comparison",
    "Diagram",
    "ExplainedInput",
    "ExplainedLayer",
    "Explanation",
    "Formula",
    "InferredSizes",
    "LayerComparison",
    "LayerCosts",
    "LayerInfo",
    "LayerTable",
    "NetworkAnalysis",
    "NetworkCosts",
    "Peak",
    "ReceptiveFieldStep",
    "Rewiring",
    "SizeChange",
    "Step",
    "TableRow",
    "Total",
    "analyze_network",
    "compare",
    "explain",
    "plot",
]

# imported when first asked for: an analysis needs none of them, and diagrams need the package graphviz
_LAZY = {
    "ArgumentChange": "layergraph.analyze.comparison.find_differences",
    "Comparison": "layergraph.analyze.comparison.comparison",
    "Diagram": "layergraph.analyze.diagram.rendering",
    "ExplainedInput": "layergraph.analyze.explanation.trace",
    "ExplainedLayer": "layergraph.analyze.explanation.trace",
    "Explanation": "layergraph.analyze.explanation.explanation",
    "Formula": "layergraph.layers.arithmetic",
    "LayerComparison": "layergraph.analyze.comparison.find_differences",
    "LayerCosts": "layergraph.analyze.costs.costs",
    "LayerTable": "layergraph.analyze.table.layer_table",
    "NetworkCosts": "layergraph.analyze.costs.costs",
    "Peak": "layergraph.network.activation_memory",
    "ReceptiveFieldStep": "layergraph.analyze.explanation.trace",
    "Rewiring": "layergraph.analyze.comparison.find_differences",
    "SizeChange": "layergraph.analyze.comparison.find_differences",
    "Step": "layergraph.layers.arithmetic",
    "TableRow": "layergraph.analyze.table.rows",
    "Total": "layergraph.analyze.comparison.differences",
    "compare": "layergraph.analyze.comparison.comparison",
    "explain": "layergraph.analyze.explanation.explanation",
    "plot": "layergraph.analyze.diagram.diagram",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    # completion also offers the names that are not imported yet
    return sorted({*globals(), *__all__})
