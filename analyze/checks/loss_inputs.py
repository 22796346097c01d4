"""The checks of losses and their scores: one softmax before each loss, over at least two classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit
from layergraph.graph import probabilities
from layergraph.graph.draft import End
from layergraph.issues import Issue
from layergraph.layers import SoftmaxLayer
from layergraph.layers.layer import Layer


def missing_softmax(checked: CheckedGraph) -> Iterator[Issue]:
    """Losses whose scores are not probabilities; an error if the loss is computed, else a warning."""
    for issue in probabilities.missing_softmax(checked.lgraph):
        edit = Edit(checked.lgraph)
        edit.insert(SoftmaxLayer(name=edit.free_name("softmax")), End(issue.layer, issue.port))
        yield replace(
            issue,
            severity="error" if checked.target_usage == "train_network" else "warning",
            edit=edit.text,
        )


def double_softmax(checked: CheckedGraph) -> Iterator[Issue]:
    """A softmax of a softmax: it makes the scores nearly equal and slows training down."""
    for layer in checked.layers_of(SoftmaxLayer):
        # a crop or dropout between two softmax layers does not hide the first
        upstream = [*checked.chain_upstream(layer.name, _passes)]
        if upstream and isinstance(first := upstream[-1], SoftmaxLayer):
            yield Issue(
                "LG-DOUBLE-SOFTMAX",
                "warning",
                layer.name,
                "in",
                f"its input is already probabilities, from {first.name!r}: a second softmax makes them "
                "nearly equal",
                "remove one of the two",
                Edit(checked.lgraph).remove([layer.name], reconnect=True).text,
                (first.name,),
            )


def _passes(layer: Layer) -> bool:
    return layer.passes_scores_on


def one_class(checked: CheckedGraph) -> Iterator[Issue]:
    """A softmax over a single channel: it is 1 for every input."""
    for layer in checked.layers_of(SoftmaxLayer):
        size = checked.input_size(layer.name)
        if size is not None and size.channels == 1:
            yield Issue(
                "LG-ONE-CLASS",
                "warning",
                layer.name,
                "in",
                f"the softmax is over 1 channel ({size}), so that every score is 1 and nothing is learned",
                "give the layer of the scores one filter per class, background included: at least 2",
            )
