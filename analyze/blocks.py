"""Groups of layers that form a unit: one block per ``res3a``, ``Encoder-Stage-1``, ``aspp``.

Neither names nor wiring suffice alone. Common beginnings of names separate ``bn3a_branch2a`` from
``res3a_branch2a`` and unite ``conv_1`` to ``conv_40``. By wiring, the skip connections of a U-Net make one
block of the whole network. And layers that are apart in the order may not fold into one box: a path could
leave the box and return, which makes a cycle. So a sweep over the order combines both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from layergraph.analyze.block_names import Key, keys_of, shared_words
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import GlobalAveragePooling2dLayer


@dataclass(frozen=True)
class Block:
    """A series of layers that form a unit, under a name that no other block of the graph has."""

    name: str
    layers: tuple[str, ...]


@dataclass
class _GrowingBlock:
    """A block during the sweep.

    Attributes:
        closed: only activations of its last layer may still join.
        join: the layer that joined its branches, if any.
    """

    layers: list[str]
    key: Key | None = None
    closed: bool = False
    join: str = ""

    def absorb(self, other: _GrowingBlock) -> None:
        """Add the layers of the next block to this one."""
        self.layers += other.layers
        self.key = self.key or other.key


def blocks(lgraph: LayerGraph) -> tuple[Block, ...]:
    """The blocks of a graph, in the analyzer's order; each layer is in exactly one.

    The layers of a block are contiguous in that order, so that no path leaves a block and returns.

    Cost: linear in the layers.

    >>> from layergraph.builders import segnet_layers
    >>> for block in blocks(segnet_layers((32, 32, 1), 2, 1)):
    ...     print(block.name, len(block.layers))
    inputImage 1
    encoder1 7
    decoder1 7
    softmax 2
    """
    # 1. Keys: the block in a layer's name, without words for the role of the layer. A key counts only if the
    #    previous or the next name shares it; a name alone proves nothing.
    keys = keys_of([name for name in lgraph.order if not lgraph[name].is_input])

    # 2. Sweep in the analyzer's order. Each layer joins the last block or starts a new one, so that blocks
    #    are contiguous and each can fold. The name decides if it has a key, else the wiring.
    sweep = _Sweep(lgraph)
    for name in lgraph.order:
        key = keys.get(name)
        if key is None:
            sweep.place_by_wiring(name)
        else:
            sweep.place_by_name(name, key)

    # 3. Names, last: only a complete block shows which words the names of its layers share.
    return tuple(map(Block, _unique_names(sweep.blocks), (tuple(block.layers) for block in sweep.blocks)))


def _unique_names(growing: Sequence[_GrowingBlock]) -> list[str]:
    """One name per block: the words that its layers' names share, or the name of a layer."""
    shared = [shared_words(block.key, block.layers) if block.key else "" for block in growing]
    count = Counter(shared)
    names: dict[str, None] = {}
    for block, words in zip(growing, shared, strict=True):
        # two blocks with the same words would claim one name, so both take that of a layer
        choices = [words] if count[words] == 1 else []
        choices += [block.join, block.layers[0]]
        # a layer may have the name that an earlier block took from its shared words
        # there are as many numbers as blocks, so that one of them is always free
        numbered = (f"{block.layers[0]} ({number})" for number in range(2, len(growing) + 2))
        names[next(name for name in chain(choices, numbered) if name and name not in names)] = None
    return list(names)


class _Sweep:
    """Divides the layers, which must come in the analyzer's order, into blocks."""

    def __init__(self, lgraph: LayerGraph) -> None:
        self.lgraph = lgraph
        self.position = {name: index for index, name in enumerate(lgraph.order)}
        self.blocks: list[_GrowingBlock] = []

    def place_by_name(self, name: str, key: Key) -> None:
        """Place a layer whose name has a key."""
        layer = self.lgraph[name]
        last, before_last = self._last_two()
        if last and not last.key and not last.closed:
            same = before_last and not before_last.closed and before_last.key and before_last.key.fits(key)
            if before_last and same and (self._is_chain(last) or self._feeds(last, name)):
                # layers without a key between two of the same block belong to it: res3a, drop, res3a
                before_last.absorb(self.blocks.pop())
            elif layer.kind == "joining" and self._feeds(last, name):
                last.key = key  # branches without a key, joined by a layer that has one
        block, _ = self._last_two()
        fits = block and block.key and block.key.fits(key)
        if block and fits and block.closed and layer.is_part_of_previous and self._feeds(block, name):
            block.layers.append(name)
            return
        if not block or not fits or block.closed:
            block = _GrowingBlock([], key)
            self.blocks.append(block)
        if block.key and key.prefix and not block.key.prefix:
            block.key = key  # res3a says more than the bn3a that came before it
        block.layers.append(name)
        # in networks that number their layers by role, pool4 and upsample4 are in different blocks
        block.closed = layer.kind == "pooling" and not key.prefix

    def place_by_wiring(self, name: str) -> None:
        """Place a layer whose name has no key."""
        layer = self.lgraph[name]
        kind, sources, last = layer.kind, self._sources(name), self._last_two()[0]
        closes = layer.is_input or not self.lgraph.destinations(name)
        if last is None or not sources:
            belongs = False
        elif kind == "joining":
            belongs = not last.closed and self._feeds(last, name)
            closes = True  # of the layers after a join, only its activation belongs to the branches
            if belongs:
                self._join_branches(name)
        elif layer.is_output or layer.is_part_of_previous:
            belongs = self._feeds(last, name) and not self.lgraph[last.layers[-1]].is_input
            closes |= belongs and last.closed
        elif kind in ("transposed convolution", "unpooling") or isinstance(
            layer, GlobalAveragePooling2dLayer
        ):
            belongs = False  # a decoder stage starts with its upsampling, a classifier with its pooling
        elif kind == "pooling" and sources == [last.layers[-1]]:
            belongs = closes = not last.closed  # an encoder stage ends with its pooling
        else:
            belongs = not last.closed and not last.key
        if not belongs:
            self.blocks.append(_GrowingBlock([]))
        block = self.blocks[-1]
        block.layers.append(name)
        block.closed = closes
        if kind == "joining":
            block.join = name

    def _join_branches(self, name: str) -> None:
        """Unite the last two blocks if the layer joins them as branches.

        Two blocks in series whose outputs are both added, as around a skip connection, stay separate.
        """
        last, before_last = self._last_two()
        if not last or not before_last or before_last.closed or (last.key and before_last.key):
            return
        if self._feeds(before_last, name) and not any(self._feeds(before_last, one) for one in last.layers):
            before_last.absorb(self.blocks.pop())

    def _last_two(self) -> tuple[_GrowingBlock | None, _GrowingBlock | None]:
        """The last block and the one before it."""
        last, before_last, *_ = *self.blocks[:-3:-1], None, None
        return last, before_last

    def _is_chain(self, block: _GrowingBlock) -> bool:
        """Whether each layer of a block reads the layer before it and nothing else."""
        names = self.lgraph.order
        return all(self._sources(name) == [names[self.position[name] - 1]] for name in block.layers)

    def _sources(self, name: str) -> list[str]:
        """The layers whose values a layer reads; size references and pooling indices do not count."""
        memory = self.lgraph[name].memory_ports
        fed = self.lgraph.sources(name).items()
        return [end.layer for port, end in fed if port != "ref" and port not in memory]

    def _feeds(self, block: _GrowingBlock, name: str) -> bool:
        start, end = self.position[block.layers[0]], self.position[block.layers[-1]]
        # a block is contiguous in the order, so positions replace a search in its layers
        return any(start <= self.position[source] <= end for source in self._sources(name))
