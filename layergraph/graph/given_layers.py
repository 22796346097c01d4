"""The layers that a caller gives: one, or sequences of them."""

from __future__ import annotations

from collections.abc import Iterable

from layergraph.errors import WrongTypeError
from layergraph.layers.layer import Layer


def as_layers(layers: object) -> list[Layer]:
    """One layer, or an iterable of layers and of such iterables, as a flat list.

    Raises:
        WrongTypeError: something that is not a layer.
    """
    if isinstance(layers, Layer):
        return [layers]
    # text is iterable too, and "relu" is not four layers
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        raise WrongTypeError(f"expected a layer or a sequence of layers, got {description(layers)}")
    flat: list[Layer] = []
    for index, item in enumerate(layers):
        if isinstance(item, Layer):
            flat.append(item)
        elif isinstance(item, (list, tuple)):
            flat += as_layers(item)
        else:
            raise WrongTypeError(f"element {index} of the layers is not a layer, got {description(item)}")
    return flat


def description(value: object) -> str:
    """The type of a value that should have been a layer, and how to make a layer of it."""
    if isinstance(value, type) and issubclass(value, Layer):
        return f"the class {value.__name__}; call it: {value.__name__}(...)"
    advice = ""
    if any(cls.__module__.startswith("torch.nn") for cls in type(value).__mro__):
        advice = "; wrap a torch module: ModuleLayer(module, name=...)"
    return f"{type(value).__name__}{advice}"
