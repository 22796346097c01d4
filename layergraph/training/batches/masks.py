"""Masks of 0 and 255 among the targets of pixels, whose 255 would count as unlabeled."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np

from layergraph.data.class_indices import mask_error, mask_text
from layergraph.errors import DataWarning
from layergraph.labels import UNLABELED

_NUM_READ = 8  # targets that are read from files or computed


def refuse_masks(targets: Iterable[Any], owner: str, *, in_memory: bool) -> None:
    """Refuse plain targets that hold 0 and 255 alone, of which a network would learn one class.

    Targets that name their classes say that 255 is meant. Others may be right: rare classes may be absent
    from the first targets. So targets that must be read or computed for this give a warning.

    Raises:
        DataError: all targets are in memory, and hold 0 and 255 alone.
    """
    found: set[int] = set()
    rest = iter(targets)
    for target in rest if in_memory else islice(rest, _NUM_READ):
        # the first target with another number ends the search in nearly all sets
        if type(target) is not np.ndarray or target.dtype.kind not in "iu" or not is_mask(target):
            return
        found |= {int(target.min()), int(target.max())} if target.size else set()
    if found != {0, UNLABELED}:
        return
    # what was read may be all there is
    if in_memory or next(rest, None) is None:
        raise mask_error(owner)
    warnings.warn(mask_text(owner, "should"), DataWarning, stacklevel=4)


def is_mask(target: Any) -> bool:
    """Whether an array holds 0 and 255 alone."""
    return bool(((target == 0) | (target == UNLABELED)).all())
