"""Classes whose methods have code objects of their own, for ``torch.compile``."""

from __future__ import annotations

from types import FunctionType
from typing import Any, TypeVar

T = TypeVar("T")

# the methods that users compile; torch.compile(net) compiles its forward, and net.compile() its call
_COMPILED = ("_call_impl", "forward", "loss", "loss_and_scores", "losses_and_scores", "logits")


def with_own_code(cls: type[T]) -> type[T]:
    """Return a subclass of ``cls`` with a copy of the code object of each method that users compile.

    torch.compile caches compiled code by code object, at most 8 versions of each. All networks run the same
    code with different plans, so the ninth would run uncompiled or, with ``fullgraph=True``, fail. A module
    class makes its objects of such a subclass in ``__new__``; a copied or unpickled object gets a new one.
    This takes 10 µs.
    """

    def reduce(self: Any) -> tuple[Any, ...]:
        # pickle finds classes by name, and this one has the name of its parent
        return _new_object, (cls,), self.__getstate__()

    own: dict[str, Any] = {"__reduce__": reduce}
    for name in _COMPILED:
        method: Any = getattr(cls, name, None)
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
    names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    return type(cls.__name__, (cls,), {**names, **own})


def _new_object(cls: type[T]) -> T:
    return object.__new__(with_own_code(cls))
