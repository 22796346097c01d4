"""Which files of two stores belong together, by their names."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from layergraph.errors import DataError
from layergraph.wording import quoted

_SHOWN = 3  # pairs in a warning


class PairingWarning(UserWarning):
    """Files are paired by their order, since their names have nothing in common."""


def partners(files: Sequence[Path], others: Sequence[Path], call: str) -> list[int]:
    """For each file the position of its partner in ``others``, by name.

    The key of a file is its name (:func:`unique_names`) without what all names of its store share at the
    beginning and at the end: ``scan1`` to ``scan12`` and ``scan1_mask`` to ``scan12_mask`` both have the keys
    1 to 12. Files whose keys are the same belong together. Stores without a common key are paired by their
    order, with a warning that shows the first pairs; ``call`` is who asks, for messages.

    Raises:
        DataError: some keys are common and others are not, so that a file has no partner; or there are no
            common keys and not as many files.

    >>> images = [Path(f"images/scan{n}.png") for n in (1, 10, 2)]
    >>> masks = [Path(f"masks/scan{n}_mask.png") for n in ("10", "1", "2")]
    >>> partners(images, masks, "combine")
    [1, 0, 2]
    """
    keys, known = _keys(unique_names(files), unique_names(others))
    places = {key: place for place, key in enumerate(known)}
    if set(keys) == set(known):
        return [places[key] for key in keys]
    common = set(keys) & set(known)
    if not common and len(files) == len(others):
        shown = ", ".join(
            f"{quoted(one.name)} with {quoted(other.name)}"
            for one, other in list(zip(files, others, strict=True))[:_SHOWN]
        )
        warnings.warn(
            f"{call}: the names of the files have nothing in common, so that they are paired in their order: "
            f'{shown}; pair="order" says that this is right',
            PairingWarning,
            stacklevel=3,
        )
        return list(range(len(files)))
    if not common:
        raise DataError(
            f"{call}: there must be as many files on both sides, got {len(files)} in "
            f"{quoted(str(files[0].parent))} and {len(others)} in {quoted(str(others[0].parent))}"
        )
    alone = next((file for file, key in zip(files, keys, strict=True) if key not in common), None)
    where = others
    if alone is None:
        alone = next(file for file, key in zip(others, known, strict=True) if key not in common)
        where = files
    raise DataError(
        f"{call}: each file must have a partner of the same name, got none for {quoted(str(alone))} in "
        f'{quoted(str(where[0].parent))}; add it, leave the file out, or give pair="order"'
    )


def unique_names(files: Sequence[Path]) -> list[str]:
    """A name for each file: its own without the ending; no two are equal, in upper or lower case.

    Where several would have one name, each gets the path from the folder that all files are in, its parts
    joined by ``_``; and where these are equal too, such as those of ``a.png`` and ``a.jpg``, a number.

    >>> unique_names([Path("a/1.png"), Path("a/2.png"), Path("b/2.png"), Path("b/2.jpg")])
    ['1', 'a_2', 'b_2', 'b_2_2']
    """
    count = Counter(file.stem.casefold() for file in files)
    names = [file.stem for file in files]
    if len(count) < len(files):
        common = Path(os.path.commonpath([file.absolute().parent for file in files]))
        for place, file in enumerate(files):
            if count[file.stem.casefold()] > 1:
                names[place] = "_".join(file.absolute().relative_to(common).with_suffix("").parts)
    # a number is none that another file has as its name
    taken = {name.casefold() for name in names}
    used: Counter[str] = Counter()
    for place, name in enumerate(names):
        used[name.casefold()] += 1
        while used[name.casefold()] > 1:
            names[place] = f"{name}_{used[name.casefold()]}"
            if names[place].casefold() not in taken:
                break
            used[name.casefold()] += 1
        taken.add(names[place].casefold())
    return names


def _keys(names: list[str], others: list[str]) -> tuple[list[str], list[str]]:
    """Names without what all share at both ends.

    What is taken off first decides what is left of 1_m and 1_2_m, "" and 2_, or "" and _2, so that both
    orders are tried.
    """
    pairs = [
        (_stripped(names, order), _stripped(others, order))
        for order in ((_prefix, _suffix), (_suffix, _prefix))
    ]
    return next((pair for pair in pairs if set(pair[0]) == set(pair[1])), pairs[0])


def _stripped(names: list[str], order: tuple[Callable[[list[str]], list[str]], ...]) -> list[str]:
    for take_off in order:
        names = take_off(names)
    return names


def _prefix(names: list[str]) -> list[str]:
    # what the first and the last in alphabetical order share, all share
    first, last = min(names), max(names)
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return [name[shared:] for name in names]


def _suffix(names: list[str]) -> list[str]:
    return [name[::-1] for name in _prefix([name[::-1] for name in names])]
