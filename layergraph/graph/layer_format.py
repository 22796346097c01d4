"""A layer in the JSON of a file: the name of its type, and its arguments.

Types come from the closed registry of :mod:`layergraph.layers`. Torch modules, functions and layers of other
classes are code, which a file does not hold: who reads the file gives them again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from typing import Any

from layergraph.errors import FileFormatError, LayergraphError
from layergraph.layers import LAYER_TYPES, LossLayer, ModuleLayer
from layergraph.layers.layer import Layer
from layergraph.wording import quoted

_OWN = "own"  # the type of a layer whose class is not in the registry; no class has this name
_GIVEN_AGAIN = ("module", "function")  # fields that a file does not hold


def check_initializers(layer: Layer) -> None:
    """Raise ``LayergraphError`` if only a Python function can make the weights of a layer."""
    if layer.weights is not None or not _is_known(layer):
        return
    for field in fields(layer):
        if field.name not in _GIVEN_AGAIN and callable(getattr(layer, field.name)):
            raise LayergraphError(
                f"save: {field.name} of layer {layer.name!r} must not be a Python function, which a file "
                "cannot hold; compile the graph and save net.layer_graph(), which has weights"
            )


def layer_to_json(layer: Layer, owner: str | None = None) -> dict[str, Any]:
    """The arguments of a layer; ``owner`` is the layer whose torch module it shares.

    Functions are left out: an initializer has done its work once there are weights.
    """
    if not _is_known(layer):
        # with its defaults, which may be others in the class that is given again
        arguments = {
            field.name: _as_json(getattr(layer, field.name))
            for field in fields(layer)
            if field.name not in ("name", "weights")
        }
        return {"type": _OWN, "class": type(layer).__name__, "name": layer.name, "arguments": arguments}
    item: dict[str, Any] = {"type": type(layer).__name__}
    if owner is not None:
        item["module_of"] = owner
    for field in fields(layer):
        value = getattr(layer, field.name)
        # without defaults, so that files stay small and readable, and tensors hold the weights
        if field.name in ("weights", *_GIVEN_AGAIN) or (
            field.default is not MISSING and value == field.default
        ):
            continue
        if not callable(value):
            item[field.name] = value
    return item


def layer_from_json(item: object, given: Mapping[str, Any]) -> tuple[Layer, str]:
    """The layer, and the name of the one whose torch module it shares, else empty.

    Args:
        item: what :func:`layer_to_json` wrote.
        given: torch modules, functions and layers of other classes by the names of the layers.
    """
    if not isinstance(item, dict):
        raise FileFormatError(f"a layer must be an object, got {item!r:.80}")
    if item.get("type") == _OWN:
        return _own_layer(item, given.get(_name(item))), ""
    arguments = dict(item)
    owner = ""
    # from the registry alone: a name of any class would let a file choose what runs
    kind = LAYER_TYPES.get(str(arguments.pop("type", None)))
    if kind is None:
        raise FileFormatError(f"no layer type is called {str(item.get('type'))!r:.80}")
    if kind is ModuleLayer and "module_of" in arguments:
        owner = arguments.pop("module_of")
        if not (isinstance(owner, str) and owner):
            raise FileFormatError(f"module_of must be the name of a layer, got {owner!r:.80}")
    # checked before the call, because an older name that a constructor accepts is not part of the format
    known = {field.name for field in fields(kind)} - {"weights", *_GIVEN_AGAIN}
    if unknown := arguments.keys() - known:
        raise FileFormatError(f"{kind.__name__} has no argument {min(map(str, unknown))!r:.80}")
    name = _name(item)
    if kind is ModuleLayer:
        if name not in given and owner not in given:
            raise FileFormatError(
                f"{name!r} is a torch module, which the file does not hold; "
                f"load(..., modules={{{name!r}: module}}) gives it"
            )
        arguments["module"] = given[name if name in given else owner]
    if kind is LossLayer:
        if name not in given:
            raise FileFormatError(
                f"{name!r} is a loss function, which the file does not hold; "
                f"load(..., modules={{{name!r}: function}}) gives it"
            )
        arguments["function"] = given[name]
    try:
        return kind(**arguments), owner
    except (TypeError, ValueError) as error:
        if isinstance(error, LayergraphError):
            raise
        raise FileFormatError(f"the arguments of {kind.__name__} do not fit: {error}") from None


def difference(now: object, was: object) -> str:
    """The first difference of two architectures in JSON, as a remark; empty without any."""
    if now == was:
        return ""
    layers = [part["layers"] if isinstance(part, dict) else [] for part in (now, was)]
    for new, old in zip(*layers, strict=False):
        if new != old and isinstance(old, dict):
            if any(new.get(key) != old.get(key) for key in ("type", "class", "name")):
                return f"{_title(new)} instead of {_title(old)}"
            both = [
                each["arguments"] if isinstance(each.get("arguments"), dict) else each for each in (new, old)
            ]
            differing = (key for each in both for key in each if both[0].get(key) != both[1].get(key))
            key = next(differing, "arguments")  # a hostile file may have others
            texts = [repr(each[key])[:80] if key in each else "the default" for each in both]
            return f"layer {quoted(new['name'])} with {key} {texts[0]} instead of {texts[1]}"
    return "other connections" if len(layers[0]) == len(layers[1]) else "another number of layers"


def _name(item: Mapping[str, Any]) -> str:
    name = item.get("name")
    if not (isinstance(name, str) and name):
        raise FileFormatError(f"a layer's name must be text, got {name!r:.80}")
    return name


def _title(item: Mapping[str, Any]) -> str:
    return f"{item.get('class', item.get('type'))!s:.80} {str(item.get('name'))!r:.80}"


def _is_known(layer: Layer) -> bool:
    return LAYER_TYPES.get(type(layer).__name__) is type(layer)


def _own_layer(item: Mapping[str, Any], layer: object) -> Layer:
    """The layer that was given for one of a class of the user, if it is the same; nothing is called."""
    name, kind = item["name"], f"{item.get('class')!s:.80}"
    if not isinstance(layer, Layer):
        raise FileFormatError(
            f"{name!r} is a layer of the class {kind}, which the file does not hold; "
            f"load(..., modules={{{name!r}: layer}}) gives it"
        )
    layer = replace(layer, name=name, weights=None)
    if other := difference({"layers": [layer_to_json(layer)]}, {"layers": [item]}):
        raise FileFormatError(f"the layer given for {name!r} must be that of the file, got {other}")
    return layer


def _as_json(value: object) -> Any:
    """The value in JSON's types; the name of its type where JSON cannot hold it."""
    try:
        # numbers of NumPy and torch are no numbers to JSON
        return json.loads(json.dumps(value, default=lambda each: each.item(), allow_nan=False))
    except (AttributeError, TypeError, ValueError, RuntimeError, RecursionError):
        return {"not in the file": type(value).__name__}
