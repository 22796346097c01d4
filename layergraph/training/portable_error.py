"""Errors in a form that another process can raise."""

from __future__ import annotations

import copy
import traceback
from multiprocessing.reduction import ForkingPickler

from layergraph.errors import LayergraphError
from layergraph.wording import visible


def portable_error(error: Exception, place: str) -> Exception:
    """The error in a form that another process can raise, with a note of its line, in ``place``."""
    # a message of ours says it all; for an error in the user's code, the place is needed, too
    if not isinstance(error, LayergraphError):
        lines = traceback.format_tb(error.__traceback__)[-1:]
        error.add_note(f"raised in {place}:\n{''.join(lines).rstrip()}")
    try:
        # an error that no other process can receive would leave the training waiting forever
        ForkingPickler.dumps(error)
        if isinstance(copy.copy(error), Exception):
            return error
    except Exception:  # the error of a user, whose attributes may raise anything
        pass
    made = RuntimeError(visible(f"{type(error).__name__}: {error}"))
    for note in getattr(error, "__notes__", ()):
        made.add_note(note)
    return made
