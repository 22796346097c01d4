"""Whether the scores that a loss takes are probabilities, as far as the graph shows."""

from __future__ import annotations

from collections.abc import Iterator

from layergraph.graph.graph import Graph
from layergraph.issues import Issue
from layergraph.layers import SoftmaxLayer
from layergraph.layers.output import ClassLossLayer


def missing_softmax(lgraph: Graph) -> Iterator[Issue]:
    """The errors ``LG-NO-SOFTMAX``: a cross-entropy whose scores are any numbers, as those of a convolution.

    A loss of such scores is computed from the wrong numbers: it may be negative, and learns nothing. Scores
    that only a run shows (of a torch module, or a sum of probabilities) are not reported.
    """
    for output, are_probabilities in output_scores(lgraph).items():
        if are_probabilities is False:
            name = lgraph.sources(output)["in"].layer
            # the layer to name is the one that computes the scores, not one that moves them
            while lgraph[name].passes_scores_on:
                name = lgraph.sources(name)["in"].layer
            yield Issue(
                "LG-NO-SOFTMAX",
                "error",
                output,
                "in",
                f"the loss takes probabilities, but {name!r} ({lgraph[name].type}) gives any numbers: there "
                "is no softmax between them",
                "put a SoftmaxLayer before the loss",
                others=(name,),
            )


def output_scores(lgraph: Graph) -> dict[str, bool | None]:
    """Whether the scores of each cross-entropy are from 0 to 1; ``None`` where only a run shows."""
    outputs = [layer.name for layer in lgraph.layers if isinstance(layer, ClassLossLayer)]
    sources = [lgraph[end.layer] for name in outputs for end in lgraph.sources(name).values()]
    if all(isinstance(source, SoftmaxLayer) for source in sources):  # as most are: no pass over the graph
        return {name: True if lgraph.sources(name) else None for name in outputs}
    are_probabilities: dict[str, bool | None] = {}
    for name in lgraph.order:
        layer, fed = lgraph[name], lgraph.sources(name)
        inputs = {are_probabilities[fed[port].layer] if port in fed else None for port in layer.value_ports}
        are_probabilities[name] = layer.gives_probabilities(inputs)
    return {name: are_probabilities[name] for name in outputs}
