"""Distinct names for the results of files."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


def unique_names(files: Sequence[Path]) -> list[str]:
    """A name per file: its name without extension. All names differ, also without regard to case.

    Files with equal names get their paths below the common folder, with parts joined by ``_``; if these are
    equal too, such as those of ``a.png`` and ``a.jpg``, a number is appended.

    >>> unique_names([Path("a/1.png"), Path("a/2.png"), Path("b/2.png"), Path("b/2.jpg")])
    ['1', 'a_2', 'b_2', 'b_2_2']
    """
    # without regard to case, since Windows and macOS have one file for A.png and a.png
    count = Counter(file.stem.casefold() for file in files)
    names = [file.stem for file in files]
    if len(count) < len(files):
        common = Path(os.path.commonpath([file.absolute().parent for file in files]))
        for index, file in enumerate(files):
            if count[file.stem.casefold()] > 1:
                names[index] = "_".join(file.absolute().relative_to(common).with_suffix("").parts)
    # an appended number must not produce the name of another file
    all_names = {name.casefold() for name in names}
    used: Counter[str] = Counter()
    for index, name in enumerate(names):
        used[name.casefold()] += 1
        while used[name.casefold()] > 1:
            names[index] = f"{name}_{used[name.casefold()]}"
            if names[index].casefold() not in all_names:
                break
            used[name.casefold()] += 1
        all_names.add(names[index].casefold())
    return names
