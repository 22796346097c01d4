"""Which layers belong together: one block for each ``res3a``, ``Encoder-Stage-1``, ``aspp``.

Blocks are cut from the analyzer's order, so that no path can leave a block and come back into it: each can
be folded. Names say most: layers in a row whose names begin alike make a block. What names leave open the
wiring says: activations follow what they act on, a pooling layer ends a stage, an addition or
concatenation ends the branches that it joins, an upsampling begins something new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from layergraph.analyze.block_names import Key, keys_of, shared_words
from layergraph.analyze.kinds import FOLLOWING, kind_of
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import DropoutLayer, GlobalAveragePooling2dLayer


@dataclass(frozen=True)
class Block:
    """A series of layers that belong together, under a name that no other block of the graph has."""

    name: str
    layers: tuple[str, ...]


@dataclass
class _Draft:
    """A block in the making."""

    layers: list[str]
    key: Key | None = None
    closed: bool = False  # what comes is not of this block, but for activations of its last layer
    join: str = ""  # the layer that joined its branches

    def take(self, other: _Draft) -> None:
        """Add the layers of the block behind this one."""
        self.layers += other.layers
        self.key = self.key or other.key


def blocks(lgraph: LayerGraph) -> tuple[Block, ...]:
    """The blocks of a graph, in the analyzer's order; each layer is in exactly one.

    The layers of a block stand in a row in that order, so that no path leaves a block and comes back.

    Cost: linear in the layers.

    >>> from layergraph.builders import segnet_layers
    >>> for block in blocks(segnet_layers((32, 32, 1), 2, 1)):
    ...     print(block.name, len(block.layers))
    inputImage 1
    encoder1 7
    decoder1 7
    softmax 2
    """
    keys = keys_of([name for name in lgraph.order if not lgraph[name].is_input])
    sweep = _Sweep(lgraph)
    for name in lgraph.order:
        key = keys.get(name)
        if key is None:
            sweep.place(name)
        else:
            sweep.place_named(name, key)
    return tuple(map(Block, _names(sweep.drafts), (tuple(draft.layers) for draft in sweep.drafts)))


def _names(drafts: Sequence[_Draft]) -> list[str]:
    """A name of its own for each block: what its layers' names share, or a layer's name."""
    shared = [shared_words(draft.key, draft.layers) if draft.key else "" for draft in drafts]
    count = Counter(shared)
    names: dict[str, None] = {}
    for draft, beginning in zip(drafts, shared, strict=True):
        choices = [beginning] if count[beginning] == 1 else []
        choices += [draft.join, draft.layers[0]]
        numbered = (f"{draft.layers[0]} ({number})" for number in range(2, len(drafts) + 2))
        names[next(name for name in chain(choices, numbered) if name and name not in names)] = None
    return list(names)


class _Sweep:
    """Cuts the layers, which come in the analyzer's order, into blocks."""

    def __init__(self, lgraph: LayerGraph) -> None:
        self.lgraph = lgraph
        self.position = {name: index for index, name in enumerate(lgraph.order)}
        self.drafts: list[_Draft] = []

    def place_named(self, name: str, key: Key) -> None:
        """Place a layer whose name says where it belongs."""
        kind = kind_of(self.lgraph[name])
        last, before = self._behind(1), self._behind(2)
        if last and not last.key and not last.closed:
            same = before and not before.closed and before.key and before.key.fits(key)
            if before and same and (self._in_series(last) or self._feeds(last, name)):
                before.take(self.drafts.pop())  # what stands between belongs there, too
            elif kind == "joining" and self._feeds(last, name):
                last.key = key
        draft = self._behind(1)
        if (
            draft
            and draft.closed
            and draft.key
            and draft.key.fits(key)
            and self._follows(name)
            and self._feeds(draft, name)
        ):
            draft.layers.append(name)
            return
        if not draft or draft.closed or not draft.key or not draft.key.fits(key):
            draft = _Draft([], key)
            self.drafts.append(draft)
        if draft.key and key.prefix and not draft.key.prefix:
            draft.key = key
        draft.layers.append(name)
        # where only numbered roles are said, pool4 and upsample4 are of two blocks
        draft.closed = kind == "pooling" and not key.prefix

    def place(self, name: str) -> None:
        """Place a layer whose name says nothing: the wiring does."""
        layer = self.lgraph[name]
        kind, sources, last = kind_of(layer), self._sources(name), self._behind(1)
        closes = layer.is_input or not self.lgraph.destinations(name)
        if last is None or not sources:
            joined = False
        elif kind == "joining":
            joined = not last.closed and self._feeds(last, name)
            closes = True
            if joined:
                self._join_branches(name)
        elif layer.is_output or self._follows(name):
            joined = self._feeds(last, name) and not self.lgraph[last.layers[-1]].is_input
            closes |= joined and last.closed
        elif kind in ("transposed convolution", "unpooling") or isinstance(
            layer, GlobalAveragePooling2dLayer
        ):
            joined = False
        elif kind == "pooling" and sources == [last.layers[-1]]:
            joined = closes = not last.closed
        else:
            joined = not last.closed and not last.key
        if not joined:
            self.drafts.append(_Draft([]))
        draft = self.drafts[-1]
        draft.layers.append(name)
        draft.closed = closes
        if kind == "joining":
            draft.join = name

    def _join_branches(self, name: str) -> None:
        """Make one block of two that a layer joins, unless the second only starts from the first."""
        last, before = self._behind(1), self._behind(2)
        if not last or not before or before.closed or (last.key and before.key):
            return
        if self._feeds(before, name) and not any(self._feeds(before, inner) for inner in last.layers):
            before.take(self.drafts.pop())

    def _behind(self, count: int) -> _Draft | None:
        return self.drafts[-count] if len(self.drafts) >= count else None

    def _follows(self, name: str) -> bool:
        layer = self.lgraph[name]
        return kind_of(layer) in FOLLOWING or isinstance(layer, DropoutLayer)

    def _in_series(self, draft: _Draft) -> bool:
        """Whether each layer of a block takes what the one before it gives, and nothing else."""
        names = self.lgraph.order
        return all(self._sources(name) == [names[self.position[name] - 1]] for name in draft.layers)

    def _sources(self, name: str) -> list[str]:
        """The layers whose data a layer takes; one that only lends its size or its indices is none."""
        memory = self.lgraph[name].memory_ports
        fed = self.lgraph.sources(name).items()
        return [end.layer for port, end in fed if port != "ref" and port not in memory]

    def _feeds(self, draft: _Draft, name: str) -> bool:
        start, end = self.position[draft.layers[0]], self.position[draft.layers[-1]]
        return any(start <= self.position[source] <= end for source in self._sources(name))
