"""A comparison as dictionaries with stable keys, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layergraph.json_text import json_text

if TYPE_CHECKING:
    from layergraph.analyze.comparison.differences import Differences
    from layergraph.analyze.comparison.find_differences import LayerComparison
    from layergraph.sizes import Size


def as_dict(comparison: Differences) -> dict[str, Any]:
    """All differences, and the totals."""
    return {
        "before": comparison.before.name,
        "after": comparison.after.name,
        "equal": comparison.is_equal,
        "added": list(comparison.added),
        "removed": list(comparison.removed),
        "renamed": comparison.renamed,
        "changed": list(comparison.changed),
        "rewired": list(comparison.rewired),
        "resized": list(comparison.resized),
        "reweighted": list(comparison.reweighted),
        "reordered": list(comparison.reordered),
        # equal layers are left out: the text grows with the edit, not with the network
        "layers": [_layer(comparison, row) for row in comparison.layers if row.status != "equal"],
        "totals": {
            name: {"before": total.before, "after": total.after}
            for name, total in comparison.totals().items()
        },
        "issues_appeared": [issue.to_dict() for issue in comparison.appeared],
        "issues_gone": [issue.to_dict() for issue in comparison.gone],
    }


def as_json(comparison: Differences, indent: int | None) -> str:
    """The same as JSON text."""
    return json_text(as_dict(comparison), indent)


def _layer(comparison: Differences, row: LayerComparison) -> dict[str, Any]:
    return {
        "name": row.name,
        "status": row.status,
        "before": _side(comparison.before, row.before),
        "after": _side(comparison.after, row.after),
        "arguments": [
            {"argument": change.argument, "before": _value(change.before), "after": _value(change.after)}
            for change in row.arguments
        ],
        "rewired": [change._asdict() for change in row.rewired],
        "sizes": [
            {"port": change.port, "before": _numbers(change.before), "after": _numbers(change.after)}
            for change in row.sizes
        ],
        "weights": row.weights,
    }


def _side(analysis: Any, row: Any) -> dict[str, Any] | None:
    if row is None:
        return None
    sources = analysis.lgraph.sources(row.name)
    return {
        "name": row.name,
        "type": row.type,
        "description": row.description,
        "sizes": [_numbers(activation.size) for activation in row.activations],
        "num_learnables": row.num_learnables,
        "sources": {port: analysis.lgraph.output_text(end) for port, end in sources.items()},
    }


def _numbers(size: Size | None) -> list[int] | None:
    return None if size is None else list(size.shape)


def _value(value: Any) -> Any:
    """An argument for JSON; a value that JSON lacks becomes its text."""
    # lists, so that the dictionary equals what a reader of the JSON text gets
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    # initializers may be functions, and a module layer has a torch module
    return value if value is None or isinstance(value, (bool, int, float, str)) else value_text(value)


def value_text(value: Any) -> str:
    """An argument in Python's notation; a function by its name, a torch module by its type."""
    # item by item, because the repr of a function has its address in memory
    if isinstance(value, tuple) and value and not any(isinstance(item, tuple) for item in value):
        return f"({', '.join(map(value_text, value))})"
    # a torch module is callable too, but has no __name__
    if callable(value):
        return str(getattr(value, "__name__", "")) or type(value).__name__
    return repr(value)
