"""The page of a training within a notebook."""

from __future__ import annotations

import html
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def notebook_display() -> Callable[[str], None] | None:
    """A function that shows a page below the running cell, each in place of the one before.

    ``None`` outside of a notebook.
    """
    # only if IPython runs already: it costs a second to import
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    # a terminal's IPython has no kernel and cannot show a page
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    # by name, as a type checker need not have IPython
    shown = import_module("IPython.display")
    handle: Any = None

    def show(page: str) -> None:
        nonlocal handle
        # a frame of its own, so that the styles of page and notebook do not mix
        frame = shown.HTML(
            f'<iframe srcdoc="{html.escape(page)}" width="100%" height="760" style="border:0" '
            'title="Training progress"></iframe>'
        )
        if handle is None:
            handle = shown.display(frame, display_id=True)
        else:
            handle.update(frame)

    return show
