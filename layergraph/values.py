"""Immutable objects, which refuse to set attributes."""

from __future__ import annotations

from layergraph.errors import did_you_mean


class Value:
    """An immutable object: setting an attribute raises ``AttributeError`` with the nearest names.

    Python accepts ``store.read_fcn = f`` for any name, and a misspelt one would have no effect. A user's
    subclass may set attributes.
    """

    def __setattr__(self, name: str, value: object) -> None:
        cls = type(self)
        # private attributes hold the state: __init__ sets them in the plain way
        if name.startswith("_") or cls.__module__.partition(".")[0] != "layergraph":
            object.__setattr__(self, name, value)
            return
        known = [attribute for attribute in dir(cls) if not attribute.startswith("_")]
        if name in known:
            raise AttributeError(f"{cls.__name__}: {name} cannot be set; make a new one instead")
        raise AttributeError(f"{cls.__name__} has no attribute {name!r}{did_you_mean(name, known)}")
