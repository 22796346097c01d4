"""The catalogue of checks: what can be wrong with a network, told with its place, its cause and its cure."""

from layergraph.analyze.checks.catalogue import CATALOGUE, findings
from layergraph.analyze.checks.check import Check
from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit

__all__ = ["CATALOGUE", "Check", "Edit", "CheckedGraph", "findings"]
