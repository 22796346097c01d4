"""Several augmentations as one, and augmentations of some of the items."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from layergraph.data.randomness import item_generator
from layergraph.errors import WrongTypeError
from layergraph.layers.arguments import number


@dataclass(frozen=True)
class Compose:
    """Several functions of an item as one: each gets the result of the one before.

    ``store.transform(Compose([a, b]))`` has the items of ``store.transform(a).transform(b)``; as one function
    it also fits arguments such as ``data_augmentation`` of ``PixelLabelImageDatastore``.

    Raises:
        WrongTypeError: ``functions`` is no sequence of functions.

    >>> Compose([lambda image: image + 1, lambda image: image * 10])(2)
    30
    """

    functions: Iterable[Callable[[Any], Any]]

    def __post_init__(self) -> None:
        if not isinstance(self.functions, Iterable):
            raise WrongTypeError(
                f"Compose: functions must be a list of functions, got {type(self.functions).__name__}"
            )
        object.__setattr__(self, "functions", tuple(self.functions))
        for function in self.functions:
            _check(self, function)

    def __call__(self, item: Any) -> Any:
        """The item after all functions."""
        for function in self.functions:
            item = function(item)
        return item


@dataclass(frozen=True)
class RandomApply:
    """A function of an item that changes a share of the items at random, and leaves the others as they are.

    Args:
        function: of an item, such as an augmentation or a ``Compose`` of several.
        probability: of a change, from 0 to 1.

    Raises:
        WrongTypeError: ``function`` is not callable.
        ArgumentError: the probability is out of range.

    >>> from layergraph.data import item_randomness
    >>> negate = RandomApply(lambda image: -image, 0.5)
    >>> def result(index):
    ...     with item_randomness(0, 0, index):
    ...         return negate(1)
    >>> sum(result(index) == -1 for index in range(100)) in range(30, 71)
    True
    """

    function: Callable[[Any], Any]
    probability: float = 0.5

    def __post_init__(self) -> None:
        _check(self, self.function)
        object.__setattr__(self, "probability", number(self, "probability", self.probability, 0, 1))

    def __call__(self, item: Any) -> Any:
        """The item, changed with the probability."""
        return self.function(item) if item_generator().random() < self.probability else item


def _check(owner: object, function: object) -> None:
    if not callable(function):
        kind = type(function).__name__
        raise WrongTypeError(f"{type(owner).__name__}: a function must be callable with one item, got {kind}")
