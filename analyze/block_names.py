"""What names of layers say of the blocks they belong to: ``bn3a_branch2a`` is of ``3a``, as ``res3a`` is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

# words that say what a layer does, not where it stands: "bn3a_branch2a" belongs to "res3a"
_ROLE_WORDS = (
    "ac act activation add addition average avg avgpool batch batchnorm bias bn c cat concat "
    "concatenation conv convolution crop deconv dense depth depthwise drop dropout dw elu fc gelu "
    "global layernorm leaky linear max maxpool maxpooling multiplication norm normalization pointwise "
    "pool pooling pw relu relu6 resize scale sepconv sigmoid softmax sum swish tanh transposed unpool "
    "unpooling up upconv upsample upsampling"
)
_ROLES = frozenset(_ROLE_WORDS.split())
# a word and the number that is glued to it: conv|1, res|4b22
_WORD = re.compile(r"([^\d\W_]*)(\d+(?:[a-z]\d*)?)?", re.IGNORECASE)
_PARTS = re.compile(r"[^\W_]+")
_MORE = re.compile(r"[\W_](\d+)(?=[\W_]|$)")


class Key(NamedTuple):
    """What the beginning of a name says: ``Encoder-Stage``, ``1``; the roles before a number say nothing."""

    prefix: str
    number: str
    text: str  # the part of the name that says it

    def fits(self, other: Key) -> bool:
        """Whether two names may be of one block."""
        same = self.prefix == other.prefix
        return self.number == other.number and (
            same or (bool(self.number) and not (self.prefix and other.prefix))
        )


def keys_of(names: Sequence[str]) -> dict[str, Key]:
    """What each name says, where a name beside it says the same: alone it says nothing."""
    said = [(name, key) for name in names if (key := _key(name))]
    kept = set()
    for index, ((_, first), (_, second)) in enumerate(pairwise(said)):
        if first.fits(second):
            kept |= {index, index + 1}
    return {name: key for index, (name, key) in enumerate(said) if index in kept}


def _key(name: str) -> Key | None:
    prefix: list[str] = []
    first = 0
    for part in _PARTS.finditer(name):
        match = None if part[0].lower() in _ROLES else _WORD.fullmatch(part[0])
        word, number = (match[1].lower(), match[2]) if match else (part[0].lower(), None)
        role = word in _ROLES
        if role and word != "bn" and number in ("1d", "2d", "3d"):  # of conv2d; but bn3d is of res3d
            number = None
        if role and prefix:  # what the layer does in its block
            break
        if number and (word or prefix):
            if not role and word:
                prefix.append(word)
            end = part.end()
            while prefix and (more := _MORE.match(name, end)):  # block35_1
                number, end = f"{number}-{more[1]}", more.end()
            return Key("-".join(prefix), number, name[:end])
        if number:  # a counter
            break
        if not role:
            prefix.append(word)
            first = first or part.end()
    return Key(prefix[0], "", name[:first]) if prefix else None


def shared_words(key: Key, layers: Sequence[str]) -> str:
    """What says that layers belong together: the words that their names begin with."""
    shared = key.text
    if key.number:
        return shared
    names = [name for name in layers if name.startswith(shared)]
    words = [list(_PARTS.finditer(name)) for name in names]
    for index in range(min(map(len, words))):
        beginning = names[0][: words[0][index].end()]
        if any(name[: parts[index].end()] != beginning for name, parts in zip(names, words, strict=True)):
            break
        if all(parts[index + 1 :] and not parts[index + 1][0].isdecimal() for parts in words):
            shared = beginning  # as far as more than a counter comes behind it
    return shared
