"""The explanation of a layer's size, step by step, with the numbers filled in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from layergraph.analyze.analysis import NetworkAnalysis, analysis_of
from layergraph.analyze.explanation.sentences import as_dict, lines
from layergraph.analyze.explanation.trace import SizeTrace, SizeTracer
from layergraph.analyze.printed_result import PrintedResult
from layergraph.analyze.table.text_columns import Line, hang, plain_text
from layergraph.errors import UnknownPortError, WrongTypeError
from layergraph.graph.draft import End
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers.arguments import whole
from layergraph.layers.layer import Layer

if TYPE_CHECKING:
    from layergraph.network.network import Network


class Explanation(SizeTrace, PrintedResult):
    """The result of :func:`explain`; ``print`` and notebooks show it."""

    def __repr__(self) -> str:
        return f"Explanation({self.name!r}, {self.size}, {len(self.layers)} layers)"

    def _lines(self, width: int | None) -> Iterator[Line]:
        return hang(lines(self), width)

    def _repr_html_(self) -> str:
        from html import escape

        # spaces align the text, and HTML keeps them only in <pre>
        style = "white-space:pre;overflow:auto;max-height:36em;font-family:monospace;margin:0"
        return f'<pre style="{style}">{escape(plain_text(self._lines(None)))}</pre>'

    def to_dict(self) -> dict[str, Any]:
        """The whole explanation as dictionaries and lists for JSON; the keys are stable."""
        return as_dict(self)


def explain(
    lgraph: LayerGraph | Network | Layer | Iterable[Layer] | NetworkAnalysis,
    name: str,
    port: str | None = None,
    *,
    steps: int | None = None,
) -> Explanation:
    """Explain the size of a layer by the arithmetic of every layer from the input to this one.

    At a layer with several inputs, the path follows the input that determines height and width. If the inputs
    of the explained layer do not fit together, each has a path.

    Args:
        lgraph: a layer graph, a compiled network, a sequence of layers, or an analysis of one.
        name: the name of a layer, or ``"layer/port"``.
        port: one of its outputs; by default the first.
        steps: the number of layers to show, counted from the last; by default all.

    Raises:
        UnknownLayerError, UnknownPortError: there is no such layer or output.
        ArgumentError: ``steps`` is below 1.

    >>> from layergraph import Convolution2dLayer, ImageInputLayer
    >>> layers = [ImageInputLayer((360, 480, 3)), Convolution2dLayer(3, 64, padding=100, name="conv1_1")]
    >>> for dimension, step in explain(layers, "conv1_1").layers[-1].steps:
    ...     print(dimension, step.text)
    height (360 + 2·100 − 3)/1 + 1 = 558
    width (480 + 2·100 − 3)/1 + 1 = 678
    channels 64, one per filter
    """
    # checked first, so that a wrong argument raises before the analysis runs
    if steps is not None:
        steps = whole("explain", "steps", steps)
    analysis = analysis_of(lgraph, "explain")
    if not isinstance(name, str):
        raise WrongTypeError(f"explain: name must be the name of a layer, got {name!r:.80}")
    end = _end(analysis.lgraph, name, port)
    tracer = SizeTracer(analysis)
    # one path explains a size; only inputs that clash need a path each
    layers = tracer.trace_branches(end) if tracer.has_misfit(end.layer) else tracer.trace(end)
    left_out = 0 if steps is None else max(len(layers) - steps, 0)
    return Explanation(end.layer, end.port, layers[-1].size, tuple(layers[left_out:]), left_out)


def _end(lgraph: LayerGraph, name: str, port: str | None) -> End:
    if port is None and name not in lgraph:
        name, slash, text = name.partition("/")  # names of layers contain no slash
        port = text if slash else None
    ports = lgraph[name].output_names
    # "" is the port that an explanation gives for an output layer, which has none
    if port is None or (port == "" and not ports):
        return End(name, ports[0] if ports else "")
    if port not in ports:
        has = f"it has {', '.join(ports)}" if ports else "it ends the network"
        raise UnknownPortError(f"layer {name!r} has no output {port!r}; {has}")
    return End(name, port)
