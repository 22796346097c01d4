"""The check for names that are easily confused."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.issues import Issue
from layergraph.wording import listed

_SEPARATORS = str.maketrans("-. ", "___")
# Cyrillic and Greek letters that look like Latin ones
_ALIKE = str.maketrans(
    "аеорсухіјѕкмтвнԁɡοαρνυικ", "aeopcyxijskmtbhdgoapvuik"
)  # fmt: skip


def near_duplicates(checked: CheckedGraph) -> Iterator[Issue]:
    """Names that differ only in case, separators, or letters that look alike."""
    names = list(checked.lgraph)
    joined = "\n".join(names)
    if joined.isascii():  # all names at once, in a tenth of the time
        keys = joined.lower().translate(_SEPARATORS).split("\n")
    else:
        keys = [_skeleton(name) for name in names]
    if len(keys) != len(names):  # a line break in a name
        keys = list(map(_skeleton, names))
    if len(set(keys)) == len(keys):
        return
    groups: dict[str, list[str]] = defaultdict(list)
    for name, key in zip(names, keys, strict=True):
        groups[key].append(name)
    for first, *others in groups.values():
        if others:
            foreign = [name for name in (first, *others) if not name.isascii()]
            codes = f" ({', '.join(map(ascii, foreign))})" if foreign else ""
            yield Issue(
                "LG-NEAR-DUPLICATE",
                "warning",
                first,
                "",
                f"its name differs from {listed(others)}{codes} only in case, separators or similar letters",
                "give them names that cannot be confused",
                others=tuple(others),
            )


def _skeleton(name: str) -> str:
    """The name without differences that are hard to see."""
    plain = unicodedata.normalize("NFKC", name).casefold().translate(_ALIKE)
    return "".join(c for c in plain if unicodedata.category(c) not in ("Cf", "Mn")).translate(_SEPARATORS)
