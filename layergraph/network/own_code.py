"""Classes whose methods have code of their own, for ``torch.compile``."""

from __future__ import annotations

from types import FunctionType
from typing import Any, TypeVar

T = TypeVar("T")

# what torch.compile is given: the network itself, or one of these
_COMPILED = ("forward", "loss", "loss_and_scores", "logits")


def with_own_code(kind: type[T]) -> type[T]:
    """A class like ``kind``, whose methods that are compiled have code objects of their own.

    torch.compile keeps what it has compiled with the code object of a method, 8 versions of each at most.
    All networks run the same code over different plans, so that the ninth would not be compiled any more
    or, with ``fullgraph=True``, fail. A class of modules makes its objects of such a class in ``__new__``;
    copies and pickles of an object have one of their own too. It costs 10 µs.
    """

    def reduce(self: Any) -> tuple[Any, ...]:
        # no other process knows the class
        return _without_state, (kind,), self.__getstate__()

    own: dict[str, Any] = {"__reduce__": reduce}
    for name in _COMPILED:
        method: Any = getattr(kind, name, None)
        if method is None:
            continue
        code = method.__code__.replace()  # equal, but another object
        copy = FunctionType(code, method.__globals__, name, method.__defaults__, method.__closure__)
        copy.__kwdefaults__, copy.__annotations__ = method.__kwdefaults__, method.__annotations__
        copy.__doc__, copy.__module__, copy.__qualname__ = (
            method.__doc__,
            method.__module__,
            method.__qualname__,
        )
        own[name] = copy
    named = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), {**named, **own})


def _without_state(kind: type[T]) -> T:
    return object.__new__(with_own_code(kind))
