"""The names of layergraph.analyze: everything that public calls take and return can be imported from it."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import layergraph
import layergraph.analyze as analyze

# classes of Python, torch and pandas, and choices that are plain strings or tuples
OTHERS = {
    "Any", "DataFrame", "Detail", "Direction", "ForwardRef", "Iterable", "Iterator", "Literal", "Mapping",
    "Module", "None", "PathLike", "Sequence", "Shape", "Sizes", "TargetUsage", "Theme", "WeightsChange",
}  # fmt: skip


def annotations_of(public: Any) -> Iterator[Any]:
    """The annotations of a function, or of the public fields, properties and methods of a class."""
    if not inspect.isclass(public):
        yield from public.__annotations__.values()
        return
    for cls in public.__mro__:
        if not cls.__module__.startswith("layergraph.analyze."):
            continue
        fields = vars(cls).get("__annotations__", {})
        yield from (annotation for name, annotation in fields.items() if not name.startswith("_"))
        for name, member in vars(cls).items():
            if name.startswith("_"):
                continue
            for attribute in ("fget", "func", "__func__"):
                member = getattr(member, attribute, member)
            if inspect.isfunction(member):
                yield from member.__annotations__.values()


def test_the_types_of_public_calls_are_exported() -> None:
    known = {*analyze.__all__, *dir(layergraph), *OTHERS}
    for name in analyze.__all__:
        for annotation in annotations_of(getattr(analyze, name)):
            for word in re.findall(r"\b[A-Z]\w+", str(annotation)):
                assert word in known, f"{name} mentions {word}, which layergraph.analyze does not export"


def test_every_exported_name_has_a_docstring() -> None:
    for name in analyze.__all__:
        public = getattr(analyze, name)
        assert public.__doc__, name
        assert not public.__doc__.startswith(f"{name}("), f"{name} has only the docstring of a named tuple"
