"""Write ``docs/api.md``: every public name of every namespace on one page.

python docs/api.py
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any, get_overloads

PAGE = Path(__file__).with_name("api.md")
NAMESPACES = (
    "layergraph",
    "layergraph.builders",
    "layergraph.builders.backbones",
    "layergraph.analyze",
    "layergraph.data",
    "layergraph.training",
    "layergraph.segmentation",
    "layergraph.edits",
    "layergraph.pretrained",
)
LAZY = {"layergraph": ("Network",)}  # public, but not in __all__, since it imports torch


def page() -> str:
    """The text of the page."""
    lines = [
        "# Every public name",
        "",
        "Each line has a name with its arguments, and the first sentence of its documentation;",
        "`help(name)` in Python has the rest. `python docs/api.py` writes this page.",
    ]
    for namespace in NAMESPACES:
        module = importlib.import_module(namespace)
        lines += ["", f"## {namespace}", "", summary(module)]
        names = sorted({*module.__all__, *LAZY.get(namespace, ())}, key=str.lower)
        members = {name: getattr(module, name) for name in names}
        kinds = {
            "Functions": [n for n in names if inspect.isroutine(members[n])],
            "Classes": [n for n in names if inspect.isclass(members[n]) and not is_error(members[n])],
            "Errors and warnings": [n for n in names if inspect.isclass(members[n]) and is_error(members[n])],
            "Data": [n for n in names if not callable(members[n])],
        }
        for kind, group in kinds.items():
            if group:
                lines += ["", f"**{kind}**", ""]
            for name in group:
                lines += entry(name, members[name])
    return "\n".join(lines) + "\n"


def is_error(value: type) -> bool:
    return issubclass(value, (Exception, Warning))


def entry(name: str, value: Any) -> Iterator[str]:
    """One line for a name; for a class one more for each public member of its own."""
    if not callable(value):
        yield f"- `{name}`: {type(value).__name__}"
        return
    forms = [""] if inspect.isclass(value) and is_error(value) else [signature(value)]
    # the overloads of a function without names of arguments are the forms of its call
    if inspect.isroutine(value) and forms[0].startswith("(*"):
        forms = [signature(form) for form in get_overloads(value)] or forms
    yield f"- {' or '.join(f'`{name}{form}`' for form in forms)}: {summary(value)}"
    if inspect.isclass(value) and not is_error(value):
        for member, definition in public_members(value):
            is_method = not isinstance(definition, (property, cached_property))
            text = signature(definition, bound=True) if is_method else ""
            yield f"    - `.{member}{text}`: {summary(definition)}"


HIDDEN = ("forward", "extra_repr")  # PyTorch calls them


def public_members(cls: type) -> list[tuple[str, Any]]:
    """The documented methods and properties of a class, without those of a base on the same page."""
    members: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        is_listed = base is not cls and base.__name__ in public_names()
        if base.__module__.startswith("layergraph") and not is_listed:
            members |= vars(base)
    if any(base.__name__ == "Layer" for base in cls.__mro__[1:]):
        members = {}  # they say of each layer what Layer says of all
    public = []
    for name, value in members.items():
        if isinstance(value, (classmethod, staticmethod)):
            value = value.__func__
        if name.startswith("_") or name in HIDDEN or not inspect.getdoc(value):
            continue
        if inspect.isroutine(value) or isinstance(value, (property, cached_property)):
            public.append((name, value))
    return public


@cache
def public_names() -> set[str]:
    modules = map(importlib.import_module, NAMESPACES)
    return {name for module in modules for name in module.__all__}


class Shortened:
    """A default value too long for one line."""

    def __repr__(self) -> str:
        return "..."


def signature(value: Any, *, bound: bool = False) -> str:
    """The arguments and their defaults, without types."""
    try:
        parameters = [*inspect.signature(value).parameters.values()]
    except (TypeError, ValueError):
        return "(...)"
    if bound and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    bare = [
        parameter.replace(
            annotation=parameter.empty,
            default=Shortened() if len(repr(parameter.default)) > 60 else parameter.default,
        )
        for parameter in parameters
        if not parameter.name.startswith("_")
    ]
    # a default without a literal, such as a function, has its address in angle brackets
    return re.sub(r"<[^>]*>", "...", str(inspect.Signature(bare)))


def summary(value: Any) -> str:
    """The first sentence of the documentation, on one line."""
    text = " ".join((inspect.getdoc(value) or "").partition("\n\n")[0].split())
    match = re.match(r"(.+?\.)(?: |$)", text)
    first = match[1] if match else text
    return re.sub(r":\w+:`([^`]*)`", r"`\1`", first).replace("``", "`")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
