"""Objects that refuse attributes which their class does not have."""

from __future__ import annotations

from layergraph.errors import did_you_mean


class Value:
    """An object that does not change: to set an attribute raises ``AttributeError`` with the nearest name.

    Python would accept ``store.read_fcn = f`` for any name, and nothing would come of it. Classes of a user
    that derive from one of ours set what they like.
    """

    def __setattr__(self, name: str, value: object) -> None:
        cls = type(self)
        if name.startswith("_") or cls.__module__.partition(".")[0] != "layergraph":
            object.__setattr__(self, name, value)
            return
        known = [attribute for attribute in dir(cls) if not attribute.startswith("_")]
        if name in known:
            raise AttributeError(f"{cls.__name__}: {name} cannot be set; make a new one instead")
        raise AttributeError(f"{cls.__name__} has no attribute {name!r}{did_you_mean(name, known)}")
