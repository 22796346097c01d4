"""The forms of a call: a store of pairs, or an array of images and one of targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from layergraph.errors import WrongTypeError
from layergraph.wording import counted


def call_form(
    caller: str, rest: Sequence[str], given: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by name: ``data`` or else ``images`` and ``targets``, and the ``rest``.

    Raises ``WrongTypeError``, which is a ``TypeError``, for other numbers of arguments or other names.

    >>> call_form("train_network", ("lgraph", "options"), ("x", "y", "net"), {"options": "adam"})
    {'images': 'x', 'targets': 'y', 'lgraph': 'net', 'options': 'adam'}
    """
    forms = (("data", *rest), ("images", "targets", *rest))
    for names in forms:
        if len(given) + len(keywords) == len(names) and set(keywords) == {*names[len(given) :]}:
            return {**dict(zip(names, given, strict=False)), **keywords}
    kinds = [type(value).__name__ for value in given]
    kinds += [f"{name}={type(value).__name__}" for name, value in keywords.items()]
    raise WrongTypeError(
        f"{caller}: the arguments must be ({', '.join(forms[0])}) or ({', '.join(forms[1])}), got "
        f"{counted(len(kinds), 'argument')} ({', '.join(kinds)})"
    )
