"""Size inference: the sizes at every layer of a graph by arithmetic, and every fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from layergraph.errors import SizeError
from layergraph.graph.draft import End
from layergraph.graph.fault_recovery import Guess, guess_outputs, guess_unpooled, propagate_guesses
from layergraph.graph.graph import Graph
from layergraph.issues import Issue, Severity
from layergraph.layers.layer import Layer, compute_output_sizes
from layergraph.sizes import Size
from layergraph.wording import listed, quoted

TargetUsage = Literal["train_network", "network"]


@dataclass(frozen=True)
class InferredSizes:
    """The sizes at every layer, ``None`` where an error upstream leaves them unknown.

    Attributes:
        inputs: for each layer the sizes of its input ports.
        outputs: for each layer the sizes it computes; an output layer has one, what the network returns.
        issues: the findings, in the order of the layers.
        guesses: the possible outputs of layers downstream of a fault; ``outputs`` has the most likely ones.
        faulty: the layers that cannot take their inputs.
    """

    inputs: Mapping[str, Sequence[Size | None]]
    outputs: Mapping[str, Sequence[Size | None]]
    issues: Sequence[Issue]
    guesses: Mapping[str, Guess] = field(default_factory=dict)
    faulty: Set[str] = frozenset()

    @property
    def errors(self) -> list[Issue]:
        """The issues that keep the network from running."""
        return [issue for issue in self.issues if issue.severity == "error"]


def infer_sizes(
    lgraph: Graph,
    target_usage: TargetUsage = "train_network",
    inputs_instead: Mapping[str, Layer] | None = None,
) -> InferredSizes:
    """Infer the sizes at every layer, and collect every fault instead of stopping at the first.

    Args:
        lgraph: the graph.
        target_usage: ``"train_network"`` needs a loss; a ``"network"`` returns its open outputs.
        inputs_instead: input layers that replace those of the same name, for the sizes of other images.

    One pass in the analyzer's order, linear in the size of the graph. Downstream of a fault, sizes are
    inferred as if it were fixed (:mod:`layergraph.graph.fault_recovery`), so that one fault is not reported
    again at each layer.
    """
    instead = inputs_instead or {}
    issues = _whole_graph_issues(lgraph, target_usage)
    returned = set(network_outputs(lgraph)) if target_usage == "network" else set()
    inputs: dict[str, Sequence[Size | None]] = {}
    outputs: dict[str, Sequence[Size | None]] = {}
    guesses: dict[str, Guess] = {}
    faulty: set[str] = set()
    for name in lgraph.order:
        # 1. The sizes of the inputs. A layer upstream may have none, or only a guess.
        layer = instead.get(name) or lgraph[name]
        fed = lgraph.sources(name)
        given: list[Size | None] = []
        is_guessed = False
        for port in layer.input_names:
            source = fed.get(port)
            if source is None:
                given.append(None)
            else:
                sizes = outputs[source.layer]
                index = 0 if len(sizes) == 1 else lgraph[source.layer].output_names.index(source.port)
                given.append(sizes[index])
                is_guessed = is_guessed or source.layer in guesses
        inputs[name] = given
        if len(fed) < len(given):
            issues += _missing_inputs(lgraph, layer)
        # 2. The sizes of the outputs, or the fault of the layer and a guess of what a fixed one would give.
        #    A layer with a guessed or missing input is faulty only if no possible input suits it; else each
        #    fault would bring others downstream, which vanish with it.
        known = [size for size in given if size is not None]
        layer_issues = _memory_issues(lgraph, layer, fed)
        guess: Guess | None = None
        fault: SizeError | None = None
        if layer_issues:
            faulty.add(name)
            guess = guess_unpooled(fed, given[0], outputs) if layer.memory_ports else None
        elif is_guessed or len(known) < len(given):
            ports = {end.layer: lgraph[end.layer].output_names for end in fed.values()}
            compute = partial(_computed, layer, fed)
            fault, guess = propagate_guesses(layer, fed, ports, guesses, outputs, compute)
        else:
            try:
                outputs[name] = _computed(layer, fed, known, outputs)
            except SizeError as error:
                fault = error
                guess = guess_outputs(layer, known, partial(_computed, layer, fed, outputs=outputs))
        # 3. The issues, each at the layer that can be fixed.
        if fault is not None:
            layer_issues = [_size_issue(lgraph, name, fault)]
            faulty.add(name)
        if name not in outputs:
            outputs[name] = guess.possible[0] if guess else [None] * max(len(layer.output_names), 1)
            if guess and not guess.is_certain:
                guesses[name] = guess
        issues += layer_issues
        issues += _unused_outputs(lgraph, name, returned)
    return InferredSizes(inputs, outputs, issues, guesses, faulty)


def network_outputs(lgraph: Graph) -> list[str]:
    """The layers whose outputs a network of this graph returns: its output layers or, without any, the layers
    whose first output has no connection."""
    if lgraph.output_names:
        return list(lgraph.output_names)
    return [
        name
        for name in lgraph
        if (ports := lgraph[name].output_names)
        and all(port != ports[0] for port, _ in lgraph.destinations(name))
    ]


def _whole_graph_issues(lgraph: Graph, target_usage: TargetUsage) -> list[Issue]:
    issues = []
    if not lgraph.input_names:
        advice = "add an ImageInputLayer and connect it"
        issues.append(Issue("LG-NO-INPUT", "error", "", "", "the network has no input layer", advice))
    if not lgraph.output_names and target_usage == "train_network":
        advice = "add one, such as a PixelClassificationLayer, and connect it"
        issues.append(Issue("LG-NO-OUTPUT", "error", "", "", "the network has no output layer", advice))
    parts = _parts(lgraph)
    for part in parts[1:]:
        issues.append(
            Issue(
                "LG-DISCONNECTED",
                "error",
                part[0],
                "",
                f"{listed(part)} {'is' if len(part) == 1 else 'are'} not connected to the rest of the "
                "network",
                "connect it or remove it",
                others=tuple(part[1:]),
            )
        )
    return issues


def _parts(lgraph: Graph) -> list[list[str]]:
    """The connected parts of the graph; the part of the first input layer (or the largest) is first."""
    # counting is cheaper than the search below, which few graphs need
    starts = sum(1 for name in lgraph if not lgraph.sources(name))
    if starts <= 1:  # each part has at least one layer without a source, so there is one part
        return [list(lgraph)]
    parts: list[list[str]] = []
    seen: set[str] = set()
    position = {name: index for index, name in enumerate(lgraph)}
    for start in lgraph:
        if start in seen:
            continue
        part, stack = {start}, [start]
        while stack:
            name = stack.pop()
            near = [end.layer for end in lgraph.sources(name).values()]
            near += [end.layer for _, end in lgraph.destinations(name)]
            stack += [other for other in near if other not in part]
            part.update(near)
        seen |= part
        parts.append(sorted(part, key=position.__getitem__))
    main = next(iter(lgraph.input_names), None)
    # the part with the input is the network; the others are reported
    parts.sort(key=lambda part: (main not in part, -len(part)))
    return parts


def _memory_issues(lgraph: Graph, layer: Layer, fed: Mapping[str, End]) -> list[Issue]:
    """Errors where indices or sizes of a pooling layer meet an input for features, or the reverse, and where
    they come from two layers."""
    name, issues, feeders = layer.name, [], set()
    for port, source in fed.items():
        memory = source.port if source.port in lgraph[source.layer].memory_ports else ""
        if port in layer.memory_ports:
            feeders.add(source.layer)
            if memory != port:
                given = lgraph.output_text(source)
                text = f"input {port!r} takes output {port!r} of a max pooling layer, got {given!r}"
                advice = f"connect 'pool/{port}' of a MaxPooling2dLayer with unpooling outputs"
                issues.append(Issue("LG-UNPOOLING", "error", name, port, text, advice))
        elif memory:
            text = f"input {port!r} takes an image or features, got {lgraph.output_text(source)!r}"
            advice = f"connect {memory!r} to input {memory!r} of a MaxUnpooling2dLayer"
            issues.append(Issue("LG-UNPOOLING", "error", name, port, text, advice))
    if len(feeders) > 1 and not issues:
        text = f"its indices and size come from different layers, {' and '.join(map(repr, sorted(feeders)))}"
        issues.append(Issue("LG-UNPOOLING", "error", name, "", text, "connect both to one pooling layer"))
    return issues


def _computed(
    layer: Layer,
    fed: Mapping[str, End],
    given: Sequence[Size],
    outputs: Mapping[str, Sequence[Size | None]],
) -> tuple[Size, ...]:
    """The output sizes. The input of an unpooling layer must have the size of its pooling layer's output;
    equal numbers of elements are not enough."""
    computed = compute_output_sizes(layer, given)
    for port, source in fed.items() if layer.memory_ports else ():
        if port in layer.memory_ports and outputs[source.layer][0] != given[0]:
            text = f"input 'in' is {given[0]}, but {source.layer!r} pooled to {outputs[source.layer][0]}"
            advice = "the input must have the size and channels of the pooling layer's output"
            raise SizeError("LG-UNPOOLING", text, port=layer.input_names[0], advice=advice)
    return computed


def loose_inputs(lgraph: Graph, name: str) -> list[str]:
    """The input ports of a layer without a connection."""
    fed = lgraph.sources(name)
    return [port for port in lgraph[name].input_names if port not in fed]


def _missing_inputs(lgraph: Graph, layer: Layer) -> Iterator[Issue]:
    """One issue for the inputs without a connection, and one for those of indices and sizes, which one
    edit connects."""
    loose = loose_inputs(lgraph, layer.name)
    memory = [port for port in loose if port in layer.memory_ports]
    for ports in ([port for port in loose if port not in layer.memory_ports], memory):
        if ports:
            name, first = layer.name, ports[0]
            written = name if len(layer.input_names) == 1 else f"{name}/{first}"
            advice = f"connect_layers(..., {quoted(written)})"
            yield Issue("LG-MISSING-INPUT", "error", name, first, unconnected(ports), advice)


def unconnected(ports: Sequence[str]) -> str:
    """The text of an issue for inputs without a connection.

    >>> unconnected(["in1", "in2"])
    "inputs 'in1', 'in2' are not connected"
    """
    if len(ports) == 1:
        return f"input {ports[0]!r} is not connected"
    return f"inputs {listed(ports)} are not connected"


def _unused_outputs(lgraph: Graph, name: str, returned: set[str]) -> list[Issue]:
    layer = lgraph[name]
    used = {port for port, _ in lgraph.destinations(name)}
    issues = []
    for index, port in enumerate(layer.output_names):
        if port in used or (index == 0 and name in returned):
            continue
        severity: Severity = "error" if index == 0 else "warning"
        written = name if len(layer.output_names) == 1 else f"{name}/{port}"
        advice = (
            f"connect_layers({written!r}, ...), or remove_layers({quoted(name)})"
            if index == 0
            else "the output is computed and dropped"
        )
        issues.append(Issue("LG-UNUSED-OUTPUT", severity, name, port, f"output {port!r} is not used", advice))
    return issues


def _size_issue(lgraph: Graph, name: str, error: SizeError) -> Issue:
    """The issue of a size error, with the names of the layers directly upstream."""
    fed = [*lgraph.sources(name).items()]
    feeders = ", ".join(
        (f"{port!r} from " if len(fed) > 1 else "from ") + quoted(lgraph.output_text(end))
        for port, end in fed[:4]
    ) + (f" and {len(fed) - 4} more" if len(fed) > 4 else "")
    text = f"{error.text} ({feeders})" if feeders else error.text
    return Issue(error.code, "error", name, error.port, text, error.advice)
