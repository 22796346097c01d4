"""Sizes downstream of a fault: the outputs that a layer would have if the fault were fixed.

Inference could stop at the first fault, but then a user with three faults learns of them one run at a time.
It could go on with the sizes as they are, but then one fault brings an error at every layer downstream, and
these vanish with it. So size inference guesses:

1. At a faulty layer, :func:`guess_outputs` makes small changes of the layer or of its inputs, and collects
   the outputs of those that fit. The layer class states which changes are small.
2. Downstream, :func:`propagate_guesses` tries every combination of these guesses. A layer is faulty itself
   only if no combination fits; otherwise the first fix may fix it too.
3. Some fixes leave a dimension free: another padding gives another height and width, and nobody knows which.
   A fault that a free dimension alone may cause is not reported.

The number of combinations grows with each join of branches, so only a few are followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

from layergraph.errors import LayergraphError, SizeError
from layergraph.graph.draft import End
from layergraph.layers.layer import Layer, compute_output_sizes
from layergraph.sizes import Size, image_size

Outputs = tuple[Size, ...]
Compute = Callable[[Sequence[Size], Mapping[str, Outputs]], Outputs]

_MAX_GUESSES = 6
# faults that heights and widths cause, and faults that channels cause
_SPATIAL_CODES = frozenset({"LG-SPATIAL", "LG-WINDOW", "LG-CROPPING", "LG-UNPOOLING", "LG-MODULE"})
_CHANNEL_CODES = frozenset({"LG-CHANNELS", "LG-CLASSES", "LG-UNPOOLING", "LG-MODULE"})


@dataclass(frozen=True)
class Guess:
    """The possible outputs of a layer at a fault or downstream of one.

    Attributes:
        possible: the sizes of all its outputs, one tuple per possibility; the likeliest first.
        free: dimensions that may have any size: ``"S"`` height and width, ``"C"`` channels.
    """

    possible: tuple[Outputs, ...]
    free: frozenset[str] = frozenset()

    @property
    def is_certain(self) -> bool:
        """Whether there is a single possibility."""
        return len(self.possible) == 1 and not self.free


def propagate_guesses(
    layer: Layer,
    fed: Mapping[str, End],
    ports: Mapping[str, Sequence[str]],
    guesses: Mapping[str, Guess],
    outputs: Mapping[str, Sequence[Size | None]],
    compute: Compute,
) -> tuple[SizeError | None, Guess | None]:
    """The fault of a layer whose inputs are guessed or missing, and a guess of its outputs.

    Args:
        layer: the layer.
        fed: the output that feeds each input port.
        ports: the output ports of the layers that feed it.
        guesses: the guesses upstream.
        outputs: the sizes upstream, ``None`` where they are unknown.
        compute: its output sizes from input sizes, and from the outputs of the layers that feed it.

    Returns:
        A fault that every possibility has, and a guess of the outputs; ``None`` where they are unknown.
    """
    # 1. List the possible inputs: the combinations of guesses. A missing input gets the size of another.
    sources = {
        source.layer: guesses.get(source.layer) or Guess((tuple(size for size in sizes if size),))
        for source in fed.values()
        if None not in (sizes := outputs[source.layer])
    }
    candidates: list[tuple[list[Size], dict[str, Outputs]]] = []
    free: list[frozenset[str]] = []
    for choice in _combinations(sources):
        given = [_chosen_size(fed.get(port), ports, choice) for port in layer.input_names]
        fillings = [size for size in dict.fromkeys(given) if size is not None]
        if layer.memory_ports:  # only the pooling layer knows the size of the input to unpool
            pools = [end.layer for port, end in fed.items() if port in layer.memory_ports]
            fillings = [choice[pool][0] for pool in pools[:1] if pool in choice and None not in given[1:]]
            fillings = fillings or [size for size in given if size is not None and None not in given]
        free = [_free_dimensions(fed.get(port), guesses, choice) for port in layer.input_names]
        if None not in given:
            fillings = fillings[:1]  # no input to fill
        candidates += [([size or filling for size in given], choice) for filling in fillings]
    if not candidates:
        return None, None
    # 2. Keep those that fit. The first that fits stands for all of them in the next phase.
    fault = None
    possible: list[Outputs] = []
    inputs, choice = candidates[0]
    for candidate, candidate_choice in candidates[:_MAX_GUESSES]:
        try:
            results = compute(candidate, candidate_choice)
        except SizeError as error:
            fault = fault or error
        else:
            if not possible:
                inputs, choice = candidate, candidate_choice
            possible.append(results)
    # 3. Where none fits, the layer is faulty, unless a free dimension may explain it.
    if not possible:
        assert fault is not None
        guess = guess_outputs(layer, inputs, lambda sizes: compute(sizes, choice))
        if _is_explained(fault.code, layer, frozenset().union(*free)):
            fault = None
        return fault, guess
    still_free = _free_outputs(inputs, free, lambda sizes: compute(sizes, choice))
    return None, Guess(tuple(dict.fromkeys(possible)), still_free)


def guess_outputs(
    layer: Layer, inputs: Sequence[Size], compute: Callable[[Sequence[Size]], Outputs]
) -> Guess | None:
    """A guess of the outputs of a layer that cannot take its inputs, by the likeliest fix that fits."""
    # 1. Inputs that do not fit together: one of them has the wrong size.
    free: frozenset[str] = frozenset()
    fixed_inputs = (_results(partial(compute, sizes) for sizes in group) for group in _equal_inputs(inputs))
    possible = next(filter(None, fixed_inputs), [])
    # 2. The channels that the layer was made for, or the channels that it gets, are wrong.
    if not possible:
        changes = layer.relaxations(inputs)
        possible = _results(partial(compute_output_sizes, *change) for change in changes)
    # 3. The window does not fit: with other padding it does, and the output may have any height and width.
    if not possible and (padded := layer.with_same_padding()) is not None:
        possible = _results([partial(compute_output_sizes, padded, inputs)])
        free = frozenset("S")
    # 4. Unpooling restores the size that its pooling layer recorded, and a loss takes any scores.
    if not possible and layer.memory_ports and len(inputs) == 3 and inputs[2].format == "SSSSSCB":
        possible = [(image_size(inputs[2].shape[3:5], inputs[0].channels),)]
    if not possible and layer.is_output:
        possible = [(inputs[0],)]
    return Guess(tuple(dict.fromkeys(possible))[:_MAX_GUESSES], free) if possible else None


def guess_unpooled(
    fed: Mapping[str, End], pooled: Size | None, outputs: Mapping[str, Sequence[Size | None]]
) -> Guess | None:
    """A guess of the output of an unpooling layer with wrong inputs, from a pooling layer that feeds it."""
    for source in fed.values():
        size = outputs[source.layer][-1]
        if size is not None and size.format == "SSSSSCB" and pooled is not None:
            return Guess(((image_size(size.shape[3:5], pooled.channels),),))
    return None


def _combinations(sources: Mapping[str, Guess]) -> Iterator[dict[str, Outputs]]:
    """Every combination of one possibility per layer."""
    for outputs in product(*(guess.possible for guess in sources.values())):
        yield dict(zip(sources, outputs, strict=True))


def _chosen_size(
    source: End | None, ports: Mapping[str, Sequence[str]], choice: Mapping[str, Outputs]
) -> Size | None:
    if source is None or source.layer not in choice:
        return None
    sizes = choice[source.layer]
    return sizes[0 if len(sizes) == 1 else list(ports[source.layer]).index(source.port)]


def _free_dimensions(
    source: End | None, guesses: Mapping[str, Guess], choice: Mapping[str, Outputs]
) -> frozenset[str]:
    if source is None or source.layer not in choice:
        return frozenset("SC")
    return guesses[source.layer].free if source.layer in guesses else frozenset()


def _free_outputs(
    inputs: Sequence[Size],
    free: Sequence[frozenset[str]],
    compute: Callable[[Sequence[Size]], Outputs],
) -> frozenset[str]:
    """The free dimensions of the output: those that change with a free dimension of an input."""
    if not any(free):
        return frozenset()
    before = compute(inputs)[0]
    changed = set()
    # the ports of a layer with many inputs are all alike, so that a few of them show the rest
    for index in [index for index, dimensions in enumerate(free) if dimensions][:_MAX_GUESSES]:
        for dimension in free[index]:
            others = _scaled_sizes(inputs[index], dimension)
            attempts = [[*inputs[:index], other, *inputs[index + 1 :]] for other in others]
            for after, *_ in _results(partial(compute, attempt) for attempt in attempts):
                changed |= {"S"} if after.spatial != before.spatial else set()
                changed |= {"C"} if after.channels != before.channels else set()
    return frozenset(changed)


def _scaled_sizes(size: Size, dimension: str) -> list[Size]:
    """The size with twice and half as many channels, or with twice and half the height and width."""
    if dimension == "C":
        return [size.with_channels(2 * size.channels), size.with_channels(max(size.channels // 2, 1))]
    twice, half = tuple(2 * n for n in size.spatial), tuple(max(n // 2, 1) for n in size.spatial)
    return [image_size(twice, size.channels), image_size(half, size.channels)]


def _is_explained(code: str, layer: Layer, free: frozenset[str]) -> bool:
    """Whether a free dimension alone may cause this fault."""
    is_spatial = code in _SPATIAL_CODES or (code == "LG-CHANNELS" and layer.flattens)
    return ("S" in free and is_spatial) or ("C" in free and code in _CHANNEL_CODES)


def _equal_inputs(inputs: Sequence[Size]) -> Iterator[list[list[Size]]]:
    """Inputs of a layer that joins several, all with the height and width of one; then all of one size."""
    if len(inputs) < 2 or len({size.format for size in inputs}) > 1:
        return
    by_size = sorted(dict.fromkeys(inputs), key=lambda size: size.num_elements, reverse=True)
    spatial = dict.fromkeys(size.spatial for size in by_size)
    yield [[image_size(one, size.channels) for size in inputs] for one in spatial]
    yield [[size] * len(inputs) for size in by_size]


def _results(attempts: Iterable[Callable[[], Outputs]]) -> list[Outputs]:
    """The results of the attempts that raise nothing."""
    results = []
    for attempt in attempts:
        try:
            results.append(attempt())
        except LayergraphError:
            continue
    return results
