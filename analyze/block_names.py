"""The block that a layer's name names: ``bn3a_branch2a`` belongs to ``3a``, as ``res3a`` does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

# words for the role of a layer, which say nothing about its block: "bn3a_branch2a" belongs to "res3a"
_ROLE_WORDS = (
    "ac act activation add addition average avg avgpool batch batchnorm bias bn c cat concat "
    "concatenation conv convolution crop deconv dense depth depthwise drop dropout dw elu fc gelu "
    "global layernorm leaky linear max maxpool maxpooling multiplication norm normalization pointwise "
    "pool pooling pw relu relu6 resize scale sepconv sigmoid softmax sum swish tanh transposed unpool "
    "unpooling up upconv upsample upsampling"
)
_ROLES = frozenset(_ROLE_WORDS.split())
# a word and a number without a separator: conv|1, res|4b22
_WORD = re.compile(r"([^\d\W_]*)(\d+(?:[a-z]\d*)?)?", re.IGNORECASE)
# runs of letters and digits; "\w" has the underscore too, which separates here
_PARTS = re.compile(r"[^\W_]+")
_MORE = re.compile(r"[\W_](\d+)(?=[\W_]|$)")


class Key(NamedTuple):
    """The block in the beginning of a name.

    Attributes:
        prefix: the words before the number, such as ``Encoder-Stage``, without words for roles.
        number: the number, such as ``1`` or ``3a``; empty if there is none.
        text: the part of the name that was read.
    """

    prefix: str
    number: str
    text: str

    def fits(self, other: Key) -> bool:
        """Whether two names may belong to the same block; one without prefix fits by its number."""
        same = self.prefix == other.prefix
        return self.number == other.number and (
            same or (bool(self.number) and not (self.prefix and other.prefix))
        )


def keys_of(names: Sequence[str]) -> dict[str, Key]:
    """The key of each name whose previous or next name with a key has one that fits."""
    # names without a key are skipped: a dropout between two layers does not part them
    keys = [(name, key) for name in names if (key := _key(name))]
    confirmed = set()
    for index, ((_, first), (_, second)) in enumerate(pairwise(keys)):
        if first.fits(second):
            confirmed |= {index, index + 1}
    return {name: key for index, (name, key) in enumerate(keys) if index in confirmed}


def _key(name: str) -> Key | None:
    """Reads words from the left, up to the first number that belongs to one or to a prefix."""
    prefix: list[str] = []
    first = 0
    for part in _PARTS.finditer(name):
        # whole words first: relu6 is a role, not a relu with the number 6
        match = None if part[0].lower() in _ROLES else _WORD.fullmatch(part[0])
        word, number = (match[1].lower(), match[2]) if match else (part[0].lower(), None)
        is_role = word in _ROLES
        if is_role and word != "bn" and number in ("1d", "2d", "3d"):
            number = None  # conv2d has no number; but bn3d is in the block of res3d
        if is_role and prefix:  # the role of the layer within its block
            break
        if number and (word or prefix):
            if not is_role and word:
                prefix.append(word)
            end = part.end()
            while prefix and (more := _MORE.match(name, end)):  # block35_1
                number, end = f"{number}-{more[1]}", more.end()
            return Key("-".join(prefix), number, name[:end])
        if number:  # a mere counter
            break
        if not is_role:
            prefix.append(word)
            first = first or part.end()
    # without a number only the first word counts; the others may differ from layer to layer
    return Key(prefix[0], "", name[:first]) if prefix else None


def shared_words(key: Key, layers: Sequence[str]) -> str:
    """The words that the names of the layers begin with, at least those of their key."""
    shared = key.text
    if key.number:
        return shared
    names = [name for name in layers if name.startswith(shared)]
    words = [list(_PARTS.finditer(name)) for name in names]
    for index in range(min(map(len, words))):
        beginning = names[0][: words[0][index].end()]
        if any(name[: parts[index].end()] != beginning for name, parts in zip(names, words, strict=True)):
            break
        # a name that ends here, or goes on with a counter only, is a layer's: another layer could have it
        if all(parts[index + 1 :] and not parts[index + 1][0].isdecimal() for parts in words):
            shared = beginning
    return shared
