"""Names for results of files, so that no two files have one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


def unique_names(files: Sequence[Path]) -> list[str]:
    """A name for each file: its own without its extension; no two are equal, in upper or lower case.

    Where several would have one name, each gets the path below the folder that all files are in, its parts
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
