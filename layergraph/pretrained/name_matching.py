"""The prefix that the names of each layer's tensors have in a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from layergraph.errors import FileFormatError
from layergraph.wording import listed


def match_names(
    names: Collection[str], candidates: Sequence[Mapping[str, str]], tensors: Mapping[str, Collection[str]]
) -> dict[str, str]:
    """Return the prefix of each layer's tensors in a file, or an empty dict if the file has none of them.

    It is the candidate with the most tensors in the file, after the prefix that all names of the file share,
    such as ``module.`` or ``backbone.``, from a module around the network.

    Args:
        names: the names in the file.
        candidates: each has a prefix for each layer, with the separator at the end.
        tensors: the names of the tensors of each layer.

    Raises:
        FileFormatError: several shared prefixes have the same number of tensors.
    """
    hits: Counter[tuple[int, str]] = Counter()
    totals = []
    # 1. count the tensors under each shared prefix: cut every name at every separator, look up the rest
    for index, candidate in enumerate(candidates):
        expected = {
            prefix + tensor for layer, prefix in candidate.items() for tensor in tensors.get(layer, ())
        }
        totals.append(len(expected))
        # the name of a hostile file has 300,000 dots: cut it only where the rest has a possible length
        lengths = {len(name) for name in expected}
        for name in names:
            for start in (0, *part_starts(name)):
                if len(name) - start in lengths and name[start:] in expected:
                    hits[index, name[:start]] += 1
    if not hits:
        return {}
    # 2. the most tensors win, then the shortest prefix
    best = max(hits, key=lambda candidate: (hits[candidate], -len(candidate[1])))
    # 3. a file with two networks, such as student and teacher, has no best one, unless one is without prefix
    equal = [prefix for (index, prefix), count in hits.items() if index == best[0] and count == hits[best]]
    if len(equal) > 1 and "" not in equal:
        raise FileFormatError(
            f"{len(equal)} prefixes, {listed(equal)}, have {hits[best]} of the graph's {totals[best[0]]} "
            "tensors each; give load_weights the tensors of one prefix as a dict, or the argument keys"
        )
    return {layer: best[1] + prefix for layer, prefix in candidates[best[0]].items()}


def part_starts(name: str) -> list[int]:
    """The positions after each separator in a name.

    >>> part_starts("layer1.0.weight")
    [7, 9]
    """
    return [index + 1 for index, letter in enumerate(name) if letter in "./"]
