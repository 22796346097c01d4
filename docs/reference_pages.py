"""Write ``docs/reference/``: a page per namespace, with a directive of mkdocstrings per public name.

python docs/reference_pages.py
"""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import api

FOLDER = Path(__file__).with_name("reference")


def pages() -> dict[str, str]:
    """The text of each page, by the name of its file."""
    return {f"{namespace.replace('.', '-')}.md": page(namespace) for namespace in api.NAMESPACES}


def page(namespace: str) -> str:
    module = importlib.import_module(namespace)
    lines = [f"# {namespace}", "", api.summary(module)]
    for name in sorted({*module.__all__, *api.LAZY.get(namespace, ())}, key=str.lower):
        lines += ["", *directive(namespace, name, getattr(module, name))]
    return "\n".join(lines) + "\n"


def directive(namespace: str, name: str, value: Any) -> list[str]:
    # where it is defined: a module of the same name hides the function from a reader of sources
    home = getattr(value, "__module__", None) or ""
    lines = [f"::: {home if home.startswith('layergraph') else namespace}.{name}"]
    if inspect.isclass(value):
        members = [] if api.is_error(value) else [name for name, _ in api.public_members(value)]
        lines += ["    options:", "      inherited_members: true", f"      members: [{', '.join(members)}]"]
    return lines


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
