"""Layer names: what a name may be, and MATLAB's automatic names for layers without one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from layergraph.errors import BadNameError, DuplicateNameError, UnknownLayerError, did_you_mean
from layergraph.layers.layer import Layer
from layergraph.wording import quoted


def check_name(name: object) -> str:
    """Return ``name`` if a layer can have it: text, not empty, without ``/``."""
    if not isinstance(name, str):
        raise BadNameError(f"a layer name must be text, got {quoted(name)}; give a string such as 'conv1'")
    if not name or "/" in name:
        raise BadNameError(
            f"a layer name must have a character and no '/' (it separates layer and port), got {quoted(name)}"
        )
    # half a surrogate pair is a valid Python string, but no UTF-8
    try:
        name.encode()
    except UnicodeEncodeError:
        raise BadNameError(
            f"a layer name must be valid Unicode, got {quoted(name)}; no file could hold it"
        ) from None
    return name


def name_layers(layers: Sequence[Layer], taken: Collection[str]) -> list[Layer]:
    """Give unnamed layers their default names and check that no name occurs twice.

    One unnamed layer of a kind gets the bare base name, several get ``_1``, ``_2``, ...; where the
    graph has layers of that base already, the numbers go on from the highest.
    """
    # names given by hand count as taken, also those that come later in the sequence
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
                f"a layer name must be unique, but {quoted(name)} occurs already in {where}; give another one"
            )
        seen.add(name)
        named.append(layer)
    return named


def rename_layers(layers: Mapping[str, Layer], names: Mapping[str, str]) -> dict[str, Layer]:
    """The layers under their old names, renamed by the pairs of old and new names.

    Raises:
        UnknownLayerError: an old name that no layer has.
        BadNameError, DuplicateNameError: a new name that a layer must not have.
    """
    for name in names:
        if name not in layers:
            raise UnknownLayerError(f"no layer is called {quoted(name)}{did_you_mean(str(name), layers)}")
    renamed = {
        name: replace(layer, name=check_name(names[name])) if name in names else layer
        for name, layer in layers.items()
    }
    # counted after all renames, so that two names can be swapped
    taken = Counter(layer.name for layer in renamed.values())
    for name in names.values():
        if taken[name] > 1:
            raise DuplicateNameError(
                f"rename_layer: new must be a name that no layer has, got {quoted(name)}; give another one"
            )
    return renamed


def _next_number(base: str, count: int, used: Collection[str]) -> int:
    """The first number to append, 0 for the bare base name."""
    # one scan per base name: trying conv_1, conv_2, ... would be quadratic in large graphs
    prefix = base + "_"
    ends = [name[len(prefix) :] for name in used if name.startswith(prefix)]
    numbers = [int(end) for end in ends if end.isdecimal() and len(end) < 10]
    if count == 1 and base not in used and not numbers:
        return 0
    return max(numbers, default=0) + 1
