"""The comparison of two networks, such as one before and after an edit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from layergraph.analyze.analysis import NetworkAnalysis, analysis_of
from layergraph.analyze.comparison.comparison_json import as_dict, as_json
from layergraph.analyze.comparison.differences import Differences
from layergraph.analyze.comparison.find_differences import AttachedWeights, align, unmatched_issues
from layergraph.analyze.comparison.matching import match_layers
from layergraph.analyze.comparison.text import lines, summary
from layergraph.analyze.printed_result import PrintedResult
from layergraph.analyze.table.text_columns import Line, hang, plain_text
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import TargetUsage
from layergraph.layers.layer import Layer

if TYPE_CHECKING:
    from layergraph.network.network import Network


class Comparison(Differences, PrintedResult):
    """The result of :func:`compare`; ``print`` shows it, in color with :meth:`show`.

    It shows edited layers in full, and layers with another size only in one line each.
    """

    # narrower than in the base, which cannot import the class without a circle
    before: NetworkAnalysis
    after: NetworkAnalysis

    def __repr__(self) -> str:
        return f"Comparison({summary(self)})"

    def _lines(self, width: int | None) -> Iterator[Line]:
        # an edit near the input resizes all layers
        return hang(lines(self, most=8, width=width), width)

    def _repr_html_(self) -> str:
        # imported here: text and JSON need no page templates
        from layergraph.analyze.comparison.page import fragment

        return fragment(self)

    def to_text(self, most: int | None = None) -> str:
        """The differences as plain text; ``most`` limits the layers that only have another size or weights.

        >>> from layergraph import LayerGraph, ImageInputLayer, ReluLayer, SigmoidLayer
        >>> lgraph = LayerGraph([ImageInputLayer((8, 8, 1), name="data"), ReluLayer(name="act")])
        >>> comparison = compare(lgraph, lgraph.replace_layer("act", SigmoidLayer(name="act")))
        >>> print("\\n".join(comparison.to_text().splitlines()[:5]))
        COMPARISON: before → after
        1 changed
        <BLANKLINE>
        ~ act  sigmoid
            type  ReLU → Sigmoid
        """
        return plain_text(lines(self, most=most))

    # -- to work with --------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """All differences and the totals, as dictionaries and lists for JSON; the keys are stable."""
        return as_dict(self)

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as JSON text."""
        return as_json(self, indent)

    def to_html(self) -> str:
        """One self-contained page: totals, issues, and both networks side by side, differences colored.

        It contains no program and loads nothing.
        """
        from layergraph.analyze.comparison.page import page

        return page(self)


def compare(
    before: LayerGraph | Network | Layer | Iterable[Layer] | NetworkAnalysis,
    after: LayerGraph | Network | Layer | Iterable[Layer] | NetworkAnalysis,
    *,
    names: tuple[str, str] = ("before", "after"),
    target_usage: TargetUsage | None = None,
) -> Comparison:
    """Compare two networks: layers added, removed, renamed, changed, rewired; their sizes and costs.

    Layers with the same name are the same layer. A layer is renamed if the other network has, in the same
    position, a layer with another name but the same type, arguments and neighbors. The order in which layers
    were added does not count.

    Everything comes from arithmetic: no weight is made, and a compiled network is neither run nor changed.
    torch is imported only if both networks have weights, to compare them.

    Args:
        before, after: layer graphs, compiled networks, sequences of layers, or analyses of them.
        names: titles for the two networks.
        target_usage: as in :func:`analyze_network`, for both.

    Raises:
        WrongTypeError: ``before`` or ``after`` is not a network.

    Cost: linear in the layers, some 20 µs each, costs of the network aside.

    >>> from layergraph.builders import unet_layers
    >>> before = unet_layers((64, 64, 3), 5, encoder_depth=3)
    >>> after = unet_layers((64, 64, 3), 4, encoder_depth=3)
    >>> comparison = compare(before, after)
    >>> comparison.changed, comparison.layers[-3].arguments
    (('Final-ConvolutionLayer',), (ArgumentChange(argument='num_filters', before=5, after=4),))
    """
    sides = zip((before, after), names, strict=True)
    old, new = (analysis_of(side, "compare", name, target_usage) for side, name in sides)
    # one matching for rows and issues, so that a renamed layer is the same layer in both
    matches = match_layers(old.lgraph, new.lgraph)
    appeared, gone = unmatched_issues(old, new, matches)
    # weights come from the arguments: the graph of a compiled network carries none
    layers = align(old, new, matches, AttachedWeights(before), AttachedWeights(after))
    return Comparison(old, new, layers, appeared, gone, matches)
