"""The catalog of checks: each finding names the layer, the cause and the fix."""

from layergraph.analyze.checks.catalog import CATALOG, findings
from layergraph.analyze.checks.check import Check
from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit

__all__ = ["CATALOG", "Check", "Edit", "CheckedGraph", "findings"]
