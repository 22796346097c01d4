"""Where the size of a layer comes from: from the input on, step by step, with the numbers filled in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layergraph.analyze.analysis import NetworkAnalysis, analysis_of
from layergraph.analyze.explanation.size_way import ExplainedLayer, Way
from layergraph.draft import End
from layergraph.errors import UnknownPortError, WrongTypeError
from layergraph.graph import LayerGraph
from layergraph.layers.arguments import whole
from layergraph.layers.arithmetic import Formula
from layergraph.layers.layer import Layer
from layergraph.sizes import Size

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

    from layergraph.network import Network


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """What :func:`explain` says; ``print`` and notebooks show it.

    Attributes:
        name, port, size: the layer, its output, and that output's size (``None`` where it is unknown).
        layers: the layers that the size comes through, the layer itself last.
        left_out: how many layers before them were not asked for.
    """

    name: str
    port: str
    size: Size | None
    layers: tuple[ExplainedLayer, ...]
    left_out: int = 0

    @property
    def has_errors(self) -> bool:
        """Whether a layer on the way cannot take its inputs; sizes behind it are as if that were mended."""
        return self.size is None or any(layer.issues or layer.assumed for layer in self.layers)

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """The rules that the steps follow, each once."""
        found: dict[str, Formula] = {}
        for layer in self.layers:
            for _, step in layer.steps:
                for part in (*(first for _, first in step.first), step):
                    if part.formula:
                        found.setdefault(part.formula.name, part.formula)
        return tuple(found.values())

    def __repr__(self) -> str:
        return f"Explanation({self.name!r}, {self.size}, {len(self.layers)} layers)"

    def __str__(self) -> str:
        from layergraph.analyze.explanation.text import lines
        from layergraph.analyze.table.grid import plain

        return plain(lines(self))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        from layergraph.analyze.explanation.text import lines
        from layergraph.analyze.table.grid import coloured

        yield coloured(lines(self))

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"

    def show(self) -> None:
        """Print it, in colour where the terminal has colours; plain to a file or pipe."""
        from layergraph.analyze.table.grid import show

        show(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON; the keys are stable."""
        from layergraph.analyze.explanation.text import as_dict

        return as_dict(self)


def explain(
    lgraph: LayerGraph | Network | Layer | Iterable[Layer] | NetworkAnalysis,
    name: str,
    port: str | None = None,
    *,
    steps: int | None = None,
) -> Explanation:
    """Where the size of a layer comes from: the arithmetic of every layer from the input to this one.

    Where a layer has several inputs, the way goes through the one that its height and width come from. If
    they do not fit together, each is followed.

    Args:
        lgraph: a layer graph, a compiled network, a sequence of layers, or an analysis of one.
        name: a layer, or ``"layer/port"``.
        port: which of its outputs; by default the first.
        steps: only so many layers, the last ones; by default all from the input.

    Raises:
        UnknownLayerError, UnknownPortError: no such layer or output.
        ArgumentError: ``steps`` below 1.

    >>> from layergraph import Convolution2dLayer, ImageInputLayer
    >>> layers = [ImageInputLayer((360, 480, 3)), Convolution2dLayer(3, 64, padding=100, name="conv1_1")]
    >>> for what, step in explain(layers, "conv1_1").layers[-1].steps:
    ...     print(what, step.text)
    height (360 + 2·100 − 3)/1 + 1 = 558
    width (480 + 2·100 − 3)/1 + 1 = 678
    channels 64, one for each filter
    """
    if steps is not None:
        steps = whole("explain", "steps", steps)
    analysis = analysis_of(lgraph, "explain")
    if not isinstance(name, str):
        raise WrongTypeError(f"explain: name is the name of a layer, got {name!r:.80}")
    end = _end(analysis.lgraph, name, port)
    way = Way(analysis)
    layers = list(way.to(end))
    if way.is_torn(end.layer):
        layers = way.branches(end)
    left_out = 0 if steps is None else max(len(layers) - steps, 0)
    size = layers[-1].size
    return Explanation(end.layer, end.port, size, tuple(layers[left_out:]), left_out)


def _end(lgraph: LayerGraph, name: str, port: str | None) -> End:
    if port is None and name not in lgraph:
        name, slash, written = name.partition("/")
        port = written if slash else None
    ports = lgraph[name].output_names
    if port is None or (port == "" and not ports):
        return End(name, ports[0] if ports else "")
    if port not in ports:
        has = f"it has {', '.join(ports)}" if ports else "it ends the network"
        raise UnknownPortError(f"layer {name!r} has no output {port!r}; {has}")
    return End(name, port)
