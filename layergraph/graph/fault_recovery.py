"""How sizes go on behind a fault: what a layer would give if the fault were mended.

A mended fault leaves one or several possible sizes, or dimensions that could be anything. A layer behind it
is at fault itself only where no possible size fits, so that one fault is not told again at each layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import product
from typing import Any

from layergraph.errors import LayergraphError, SizeError
from layergraph.graph.draft import End
from layergraph.layers.layer import Layer, compute_output_sizes
from layergraph.sizes import Size, image_size

Outputs = tuple[Size, ...]
Compute = Callable[[Sequence[Size], Mapping[str, Outputs]], Outputs]

_MOST = 6  # possible sizes that are followed
# the arguments that say what input a layer was made for, all of which may be "auto"
_MADE_FOR = ("num_channels", "num_channels_per_group", "input_size")
# which faults come from heights and widths, and which from channels
_SPATIAL = frozenset({"LG-SPATIAL", "LG-WINDOW", "LG-CROPPING", "LG-UNPOOLING", "LG-MODULE"})
_CHANNELS = frozenset({"LG-CHANNELS", "LG-CLASSES", "LG-UNPOOLING", "LG-MODULE"})


@dataclass(frozen=True)
class Guess:
    """What a layer may give behind a fault.

    Attributes:
        possible: the sizes of all its outputs, in each possible way; the likeliest first.
        loose: dimensions that could be anything: ``"S"`` height and width, ``"C"`` channels.
    """

    possible: tuple[Outputs, ...]
    loose: frozenset[str] = frozenset()

    @property
    def is_certain(self) -> bool:
        """Whether there is one possibility alone."""
        return len(self.possible) == 1 and not self.loose


def follow(
    layer: Layer,
    fed: Mapping[str, End],
    ports: Mapping[str, Sequence[str]],
    guesses: Mapping[str, Guess],
    outputs: Mapping[str, Sequence[Size | None]],
    compute: Compute,
) -> tuple[SizeError | None, Guess | None]:
    """The fault of a layer whose inputs are guessed or missing, and what it may give.

    Args:
        layer: the layer; ``fed`` what feeds its inputs.
        ports: the output ports of the layers that feed it.
        guesses: what was guessed before.
        outputs: the sizes before, ``None`` where they are unknown.
        compute: its output sizes from input sizes, and from the outputs of the layers that feed it.

    Returns:
        A fault that every possibility has, and what the layer gives; ``None`` where that is unknown.
    """
    known = {
        source.layer: guesses.get(source.layer) or Guess((tuple(size for size in found if size),))
        for source in fed.values()
        if None not in (found := outputs[source.layer])
    }
    sizes, loose = [], []
    for choice in _choices(known):
        given = [_given(fed.get(port), ports, choice) for port in layer.input_names]
        fillings = [size for size in dict.fromkeys(given) if size is not None]
        if layer.memory_ports:  # what a pooling layer remembers says what it gave, and nothing else does
            pools = [end.layer for port, end in fed.items() if port in layer.memory_ports]
            fillings = [choice[pool][0] for pool in pools[:1] if pool in choice and None not in given[1:]]
            fillings = fillings or [size for size in given if size is not None and None not in given]
        loose = [_loose(fed.get(port), guesses, choice) for port in layer.input_names]
        if None not in given:
            fillings = fillings[:1]  # nothing to fill
        sizes += [([size or filling for size in given], choice) for filling in fillings]
    if not sizes:
        return None, None
    fault = None
    possible: list[Outputs] = []
    first, choice = sizes[0]
    for given_sizes, way in sizes[:_MOST]:
        try:
            results = compute(given_sizes, way)
        except SizeError as error:
            fault = fault or error
        else:
            if not possible:
                first, choice = given_sizes, way
            possible.append(results)
    if not possible:
        assert fault is not None
        guess = mended(layer, first, lambda one: compute(one, choice))
        if _is_masked(fault.code, layer, frozenset().union(*loose)):
            fault = None
        return fault, guess
    still = _loose_after(first, loose, lambda one: compute(one, choice))
    return None, Guess(tuple(dict.fromkeys(possible)), still)


def mended(
    layer: Layer, inputs: Sequence[Size], compute: Callable[[Sequence[Size]], Outputs]
) -> Guess | None:
    """What a layer that cannot take its inputs would give, if it or they were changed a little."""
    loose: frozenset[str] = frozenset()
    found = next(filter(None, (_results(_each(compute, group)) for group in _fitted(inputs))), [])
    if not found:
        arguments = {item.name for item in fields(layer)}
        free = {name: "auto" for name in _MADE_FOR if name in arguments and not layer.is_input}
        found = _results([lambda: compute_output_sizes(_changed(layer, **free), inputs)] if free else [])
        made_for: Any = getattr(layer, "num_channels", "auto")
        if made_for != "auto":
            found += _results([lambda: compute_output_sizes(layer, [inputs[0].with_channels(made_for)])])
        groups = getattr(layer, "num_groups", None)
        if isinstance(groups, int):
            whole = -(-inputs[0].channels // groups) * groups
            found += _results(
                [lambda: compute_output_sizes(_changed(layer, **free), [inputs[0].with_channels(whole)])]
            )
        for argument in ("padding", "cropping"):
            if not found and argument in arguments:
                change = {**free, argument: "same"}
                found += _results([lambda: compute_output_sizes(_changed(layer, **change), inputs)])  # noqa: B023
                loose = frozenset("S")
    if not found and layer.memory_ports and len(inputs) == 3 and inputs[2].format == "SSSSSCB":
        found = [(image_size(inputs[2].shape[3:5], inputs[0].channels),)]
    if not found and layer.is_output:
        found = [(inputs[0],)]
    return Guess(tuple(dict.fromkeys(found))[:_MOST], loose) if found else None


def unpooled(
    fed: Mapping[str, End], pooled: Size | None, outputs: Mapping[str, Sequence[Size | None]]
) -> Guess | None:
    """What an unpooling layer with wrong inputs would give with the right ones of a layer it is fed by."""
    for source in fed.values():
        size = outputs[source.layer][-1]
        if size is not None and size.format == "SSSSSCB" and pooled is not None:
            return Guess(((image_size(size.shape[3:5], pooled.channels),),))
    return None


def _choices(known: Mapping[str, Guess]) -> Iterator[dict[str, Outputs]]:
    """Each way to choose one possibility of every layer."""
    for ways in product(*(guess.possible for guess in known.values())):
        yield dict(zip(known, ways, strict=True))


def _given(
    source: End | None, ports: Mapping[str, Sequence[str]], choice: Mapping[str, Outputs]
) -> Size | None:
    if source is None or source.layer not in choice:
        return None
    sizes = choice[source.layer]
    return sizes[0 if len(sizes) == 1 else list(ports[source.layer]).index(source.port)]


def _loose(source: End | None, guesses: Mapping[str, Guess], choice: Mapping[str, Outputs]) -> frozenset[str]:
    if source is None or source.layer not in choice:
        return frozenset("SC")
    return guesses[source.layer].loose if source.layer in guesses else frozenset()


def _loose_after(
    inputs: Sequence[Size],
    loose: Sequence[frozenset[str]],
    compute: Callable[[Sequence[Size]], Outputs],
) -> frozenset[str]:
    """The loose dimensions of the output: those that change with a loose dimension of an input."""
    if not any(loose):
        return frozenset()
    before = compute(inputs)[0]
    found = set()
    # the ports of a layer with many are all alike
    for index in [index for index, dimensions in enumerate(loose) if dimensions][:_MOST]:
        for dimension in loose[index]:
            others = _scaled(inputs[index], dimension)
            tries = [[*inputs[:index], other, *inputs[index + 1 :]] for other in others]
            for after, *_ in _results(_each(compute, tries)):
                found |= {"S"} if after.spatial != before.spatial else set()
                found |= {"C"} if after.channels != before.channels else set()
    return frozenset(found)


def _scaled(size: Size, dimension: str) -> list[Size]:
    """The size with twice and half as many channels, or pixels."""
    if dimension == "C":
        return [size.with_channels(2 * size.channels), size.with_channels(max(size.channels // 2, 1))]
    twice, half = (tuple(scale(n) for n in size.spatial) for scale in (_twice, _half))
    return [image_size(twice, size.channels), image_size(half, size.channels)]


def _twice(number: int) -> int:
    return 2 * number


def _half(number: int) -> int:
    return max(number // 2, 1)


def _is_masked(code: str, layer: Layer, loose: frozenset[str]) -> bool:
    """Whether a fault may come from a loose dimension alone."""
    by_pixels = code in _SPATIAL or (code == "LG-CHANNELS" and hasattr(layer, "input_size"))
    return ("S" in loose and by_pixels) or ("C" in loose and code in _CHANNELS)


def _fitted(inputs: Sequence[Size]) -> Iterator[list[list[Size]]]:
    """Inputs of a layer that joins several, all with the height and width of one; or all of its size."""
    if len(inputs) < 2 or len({size.format for size in inputs}) > 1:
        return
    by_size = sorted(dict.fromkeys(inputs), key=lambda size: size.num_elements, reverse=True)
    spatial = dict.fromkeys(size.spatial for size in by_size)
    yield [[image_size(one, size.channels) for size in inputs] for one in spatial]
    yield [[size] * len(inputs) for size in by_size]


def _changed(layer: Layer, **arguments: Any) -> Layer:
    return replace(layer, **arguments)


def _each(
    compute: Callable[[Sequence[Size]], Outputs], tries: Iterable[Sequence[Size]]
) -> list[Callable[[], Outputs]]:
    return [partial(compute, one) for one in tries]


def _results(tries: Iterable[Callable[[], Outputs]]) -> list[Outputs]:
    """What those return that raise nothing."""
    found = []
    for attempt in tries:
        try:
            found.append(attempt())
        except LayergraphError:
            continue
    return found
