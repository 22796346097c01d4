"""The pairs of files of two stores that belong together, by their names."""

from __future__ import annotations

import os
import re
import unicodedata
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from layergraph.errors import DataError, DataWarning
from layergraph.wording import quoted

Pair = Literal["name", "order"]

_SHOWN = 3  # pairs in a warning
# \w is letters, digits and "_" of any alphabet, so a word is what remains without the last two
_TOKEN = re.compile(r"\d+|[^\W\d_]+|[\W_]+")

Tokens = list[str]
"""The numbers, words and separators of a name: a cut between tokens never splits a number."""


def partners(files: Sequence[Path], others: Sequence[Path], caller: str) -> list[int]:
    """For each file the position of its partner in ``others``, by name.

    The key of a file is its name without its extension and without the words and numbers that all names
    of its store share at the start and at the end: of ``scan1_mask.png`` to ``scan12_mask.png`` the keys
    are 1 to 12. A number is never split, 007 is 7, and upper and lower case are the same. If a name occurs
    in several subfolders, the path below the store's common folder replaces the name.

    - Both stores have the same keys: files of one key belong together.
    - Some keys are the same: :class:`DataError` names the first file without a partner.
    - No key is the same: the order of the files pairs them, and a :class:`DataWarning` shows the first pairs.

    Args:
        files, others: the files of the two stores.
        caller: the name of the calling function in messages.

    Raises:
        DataError: a file has no partner, or the stores have different lengths.

    >>> images = [Path(f"images/scan{n}.png") for n in (1, 10, 2)]
    >>> masks = [Path(f"masks/scan{n}_mask.png") for n in ("10", "1", "2")]
    >>> partners(images, masks, "combine")
    [1, 0, 2]
    """
    # one name has nothing to compare: all of it is shared, and its key would be empty
    if len(files) == len(others) == 1:
        return [0]
    # the form of the most common keys is the likeliest one, for the error
    best: tuple[int, list[str], list[str]] = (0, [], [])
    for keys, other_keys, numbers in _forms(files, others):
        # with counts: a store may hold a file several times, and needs its partner as often
        if Counter(keys) == Counter(other_keys):
            if numbers:
                _warn_of_numbers(files, others, numbers, caller)
            return _positions(keys, other_keys)
        # the number of common keys measures how well a form fits
        num_common = len(set(keys) & set(other_keys))
        best = max(best, (num_common, keys, other_keys), key=lambda form: form[0])
    num_common, keys, other_keys = best
    if num_common:
        raise _partner_error((files, keys), (others, other_keys), caller)
    # without a common key only the order is left, which needs equal numbers
    if len(files) != len(others):
        raise DataError(
            f"{caller}: both stores must have the same number of files, got {_describe(files)} and "
            f"{_describe(others)}; give each file a partner"
        )
    pairs = [f"{quoted(a.name)} with {quoted(b.name)}" for a, b in zip(files, others, strict=True)]
    _warn(
        f"{caller}: the names of the files have nothing in common, so their order pairs them: "
        f"{', '.join(pairs[:_SHOWN])}{', ...' * (len(pairs) > _SHOWN)}; check the pairs, and give "
        "pair='order' if they are right"
    )
    return list(range(len(files)))


def matches(files: Sequence[Path], others: Sequence[Path]) -> list[tuple[int, int]]:
    """The positions of the files that have a partner, and of their partners; no error for the rest.

    >>> matches([Path("1.jpg"), Path("2.jpg")], [Path("2.png"), Path("3.png")])
    [(1, 0)]
    """
    best: list[tuple[int, int]] = []
    for keys, other_keys, _ in _forms(files, others):
        if len(set(keys) & set(other_keys)) > len(best):
            at = {key: position for position, key in enumerate(other_keys)}
            best = [(position, at[key]) for position, key in enumerate(keys) if key in at]
    return best


# -- keys ------------------------------------------------------------------------------------------------


def _forms(
    files: Sequence[Path], others: Sequence[Path]
) -> Iterator[tuple[list[str], list[str], frozenset[str]]]:
    """Yield the keys of both stores in several forms; the first form with equal keys is used.

    No form is right for all names. The shared words of ``1_m`` and ``1_2_m`` depend on the end that is
    cut first, and a store of few files may share more than the other: ``2019_1`` and ``2019_2`` share a year
    that a third file does not have. Each form also has the numbers that only one store shares: with such
    numbers, equal keys may be an accident.
    """
    stores = (files, others)
    by_name = all(_is_distinct([_normalized_text(path.stem) for path in store], store) for store in stores)
    texts = [
        [_normalized_text(path.stem) for path in store] if by_name else _relative_paths(store)
        for store in stores
    ]
    # canonical numbers first (007 is 7); they may make two names equal that differ only in such zeros
    for normalize in (_canonical_tokens, _exact_tokens):
        names = [[normalize(_TOKEN.findall(text)) for text in store] for store in texts]
        for strip in (_strip_prefix_first, _strip_suffix_first, _strip_nothing):
            keys, shared = zip(*map(strip, names), strict=True)
            if all(_is_distinct(named, store) for named, store in zip(keys, stores, strict=True)):
                a, b = ({token for token in tokens if token.isdecimal()} for tokens in shared)
                yield keys[0], keys[1], frozenset() if a <= b or b <= a else frozenset(a | b)


def _is_distinct(names: Sequence[str], files: Sequence[Path]) -> bool:
    """Whether different files have different names; a file may occur several times."""
    return len(set(names)) == len(set(files))


def _normalized_text(name: str) -> str:
    """The name in one case and one Unicode form; file systems keep accents in different ones."""
    return unicodedata.normalize("NFC", name).casefold()


def _relative_paths(files: Sequence[Path]) -> list[str]:
    """The paths below the common folder, without extensions unless only these differ."""
    common = os.path.commonpath([path.absolute().parent for path in files]) if files else ""
    paths = [path.absolute().relative_to(common) for path in files]
    # without extensions, as images are often JPEG files and their labels PNG files
    texts = [_normalized_text(path.with_suffix("").as_posix()) for path in paths]
    return texts if _is_distinct(texts, files) else [_normalized_text(path.as_posix()) for path in paths]


def _canonical_tokens(tokens: Tokens) -> Tokens:
    """Numbers without leading zeros, separators all alike: ``a/007`` is ``a_7``."""
    return [(t.lstrip("0") or "0") if t.isdecimal() else t if t.isalnum() else "_" for t in tokens]


def _exact_tokens(tokens: Tokens) -> Tokens:
    return tokens


def _strip_prefix_first(names: Sequence[Tokens]) -> tuple[list[str], Tokens]:
    """The keys, and the tokens that all names share."""
    before = _shared_start(names)
    rests = [name[before:] for name in names]
    # of the rests, not of the names: start and end may not overlap in a short name
    after = _shared_start([rest[::-1] for rest in rests])
    shared = names[0][:before] + rests[0][len(rests[0]) - after :]
    return [_join_tokens(rest[: len(rest) - after]) for rest in rests], shared


def _strip_suffix_first(names: Sequence[Tokens]) -> tuple[list[str], Tokens]:
    after = _shared_start([name[::-1] for name in names])
    rests = [name[: len(name) - after] for name in names]
    before = _shared_start(rests)
    shared = rests[0][:before] + names[0][len(names[0]) - after :]
    return [_join_tokens(rest[before:]) for rest in rests], shared


def _strip_nothing(names: Sequence[Tokens]) -> tuple[list[str], Tokens]:
    return [_join_tokens(name) for name in names], []


def _join_tokens(tokens: Tokens) -> str:
    """The key, without separators at its ends."""
    return re.sub(r"^[\W_]+|[\W_]+$", "", "".join(tokens))


def _shared_start(names: Sequence[Tokens]) -> int:
    """The number of tokens that all names share at their start."""
    # the shortest name limits the shared start
    columns = zip(*names, strict=False)
    return next((at for at, tokens in enumerate(columns) if len(set(tokens)) > 1), min(map(len, names)))


def _positions(keys: Sequence[str], other_keys: Sequence[str]) -> list[int]:
    """The position of each key among the others; equal keys keep their order."""
    positions: dict[str, list[int]] = defaultdict(list)
    # from the last to the first, since pop takes the end of a list
    for position in reversed(range(len(other_keys))):
        positions[other_keys[position]].append(position)
    return [positions[key].pop() for key in keys]


# -- messages --------------------------------------------------------------------------------------------


def _describe(files: Sequence[Path]) -> str:
    return f"{len(files)} ({quoted(str(files[0]))} first)" if files else "none"


def _warn(text: str) -> None:
    # the caller of partners is a function of layergraph, and the warning is for its own caller
    warnings.warn(text, DataWarning, stacklevel=4)


def _warn_of_numbers(
    files: Sequence[Path], others: Sequence[Path], numbers: frozenset[str], caller: str
) -> None:
    """Warn if all names of a store have a number that the other store lacks: patient1 and patient2."""
    _warn(
        f"{caller}: the names of the files agree except for numbers that all files of a store share "
        f"({', '.join(sorted(numbers))}), such as {quoted(files[0].name)} and {quoted(others[0].name)}; "
        "check that the two belong together"
    )


def _partner_error(
    one: tuple[Sequence[Path], list[str]], other: tuple[Sequence[Path], list[str]], caller: str
) -> DataError:
    """The error for the first file whose key occurs less often in the other store."""
    for (files, keys), (others, other_keys) in ((one, other), (other, one)):
        counts, other_counts = Counter(keys), Counter(other_keys)
        for path, key in zip(files, keys, strict=True):
            if counts[key] > other_counts[key]:
                return DataError(
                    f"{caller}: {quoted(str(path))} has no partner among the files such as "
                    f"{quoted(str(others[0]))}; files are paired by the part of their names that differs, "
                    f"here {quoted(key)}; add or remove a file, or give pair='order' to pair them in order"
                )
    raise AssertionError("the keys differ")
