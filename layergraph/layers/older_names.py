"""MATLAB's earlier names of arguments: scripts of all releases run, and everything else has one name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from operator import attrgetter
from typing import Any, TypeVar, cast

from layergraph.errors import ArgumentError

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def older_arguments(**names: str) -> Callable[[F], F]:
    """A decorator with which a function accepts older names of its arguments too."""

    def decorate(function: F) -> F:
        @wraps(function)  # so that signatures, and the options made from them, show the newer names alone
        def call(*args: Any, **options: Any) -> Any:
            return function(*args, **with_newer_names(function.__name__, options, names))

        return cast(F, call)

    return decorate


def older_fields(**names: str) -> Callable[[type[T]], type[T]]:
    """A decorator with which a dataclass accepts older names of its fields, and reads them under these too.

    They are no fields themselves, so that equal objects stay equal, and files and ``repr`` have one name.
    """

    def decorate(kind: type[T]) -> type[T]:
        make = kind.__init__

        # around the __init__ of the dataclass, so that it never sees an older name
        @wraps(make)
        def init(self: T, *args: Any, **options: Any) -> None:
            make(self, *args, **with_newer_names(kind.__name__, options, names))

        setattr(kind, "__init__", init)  # noqa: B010 (a checker refuses an assignment to __init__)
        setattr(kind, "older_names", names)  # noqa: B010
        for older, name in names.items():
            setattr(kind, older, property(attrgetter(name)))
        return kind

    return decorate


def with_newer_names(owner: str, options: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The options with the newer name of each argument.

    Raises:
        ArgumentError: an argument has both names.
    """
    for older, name in names.items():
        if older in options:
            # the two names may have different values, and neither goes before the other
            if name in options:
                raise ArgumentError(f"{owner}: {name} must be given once, got {older} too")
            options[name] = options.pop(older)
    return options
