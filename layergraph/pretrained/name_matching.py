"""Which names of a file are meant for which layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from layergraph.errors import FileFormatError
from layergraph.wording import listed


def match(
    names: Collection[str], candidates: Sequence[Mapping[str, str]], tensors: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """For layers what the names of their tensors begin with in a file.

    That is the candidate under which most tensors are found, behind the prefix that the file has before all
    of them, such as ``module.`` or ``backbone.``: modules around a network put it there.

    Args:
        names: the names in the file.
        candidates: each says for layers what the names of their tensors begin with, the separator included.
        tensors: the names of the tensors of each layer.

    Returns:
        Nothing for any layer, if no tensor is found.

    Raises:
        FileFormatError: equally many tensors are found under several prefixes.
    """
    hits: Counter[tuple[int, str]] = Counter()
    totals = []
    for index, candidate in enumerate(candidates):
        wanted = {stem + tensor for layer, stem in candidate.items() for tensor in tensors.get(layer, ())}
        totals.append(len(wanted))
        # cut only where the rest has a possible length: a hostile name has 300,000 dots
        lengths = {len(name) for name in wanted}
        for name in names:
            for start in (0, *parts(name)):
                if len(name) - start in lengths and name[start:] in wanted:
                    hits[index, name[:start]] += 1
    if not hits:
        return {}
    # the shortest prefix of those with the most hits
    best = max(hits, key=lambda found: (hits[found], -len(found[1])))
    equal = [prefix for (index, prefix), count in hits.items() if index == best[0] and count == hits[best]]
    if len(equal) > 1 and "" not in equal:
        raise FileFormatError(
            f"{hits[best]} of the graph's {totals[best[0]]} tensors have their names under each of "
            f"{len(equal)} prefixes, {listed(equal)}; give load_weights the tensors of one prefix, as "
            "a dict, or keys that say for each layer where its tensors are"
        )
    return {layer: best[1] + stem for layer, stem in candidates[best[0]].items()}


def parts(name: str) -> list[int]:
    """The positions behind each separator of a name.

    >>> parts("layer1.0.weight")
    [7, 9]
    """
    return [index + 1 for index, letter in enumerate(name) if letter in "./"]
