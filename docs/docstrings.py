"""An extension of griffe: the docstrings of this project as Markdown."""

from __future__ import annotations

import re
from typing import Any

import griffe

# an example reaches to the next blank line, as doctest has it
_EXAMPLE = re.compile(r"((?:^>>> .*\n?)(?:^.*\S.*\n?)*)", re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?([^`<]*?)`")


class Markdown(griffe.Extension):
    """Puts examples into fences, and turns references of reStructuredText into code."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(text: str) -> str:
    """A docstring as Markdown.

    >>> print(markdown("See :func:`~layergraph.load` and ``None``.\\n\\n>>> 1 + 1\\n2"))
    See `load` and `None`.
    <BLANKLINE>
    ```pycon
    >>> 1 + 1
    2
    ```
    """
    parts = _EXAMPLE.split(text)
    for index, part in enumerate(parts):
        if index % 2:
            parts[index] = f"```pycon\n{part.rstrip()}\n```\n"
        else:
            part = _ROLE.sub(lambda found: f"`{found[1].rpartition('.')[2]}`", part)
            parts[index] = part.replace("``", "`")
    return "".join(parts)
