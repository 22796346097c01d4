"""Layer names: what a name may be, and MATLAB's automatic names for layers without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from layergraph.errors import BadNameError, DuplicateNameError
from layergraph.layers.layer import Layer
from layergraph.wording import quoted


def check_name(name: object) -> str:
    """Return ``name`` if a layer may have it: text, not empty, without ``/``."""
    if not isinstance(name, str):
        raise BadNameError(f"a layer name is text, got {quoted(name)}; give a string such as 'conv1'")
    if not name or "/" in name:
        raise BadNameError(
            f"a layer name is not empty and has no '/' (it separates layer and port), got {quoted(name)}"
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BadNameError(
            f"a layer name is valid Unicode, got {quoted(name)}; no file could hold it"
        ) from None
    return name


def name_layers(layers: Sequence[Layer], taken: Collection[str]) -> list[Layer]:
    """Give unnamed layers their default names and check that no name occurs twice.

    One unnamed layer of a kind gets the bare base name, several get ``_1``, ``_2``, ...; where the
    graph has layers of that base already, the numbers go on from the highest.
    """
    used = {check_name(layer.name) for layer in layers if layer.name != ""}
    unnamed = Counter(layer.default_name for layer in layers if not layer.name)
    next_number = {base: _next_number(base, count, used.union(taken)) for base, count in unnamed.items()}
    named = []
    seen = set(taken)
    for layer in layers:
        if not layer.name:
            base = layer.default_name
            number = next_number[base]
            layer = replace(layer, name=base if number == 0 else f"{base}_{number}")
            next_number[base] = number + 1
        name = layer.name
        if name in seen:
            where = "the graph" if name in taken else "the layers given"
            raise DuplicateNameError(
                f"the name {quoted(name)} occurs already in {where}; layer names are unique: give another one"
            )
        seen.add(name)
        named.append(layer)
    return named


def _next_number(base: str, count: int, used: Collection[str]) -> int:
    """The first number to append, 0 for the bare base name."""
    prefix = base + "_"
    ends = [name[len(prefix) :] for name in used if name.startswith(prefix)]
    numbers = [int(end) for end in ends if end.isdecimal() and len(end) < 10]
    if count == 1 and base not in used and not numbers:
        return 0
    return max(numbers, default=0) + 1
