"""Layers with learnable weights and a bias: how these start, and how fast they learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from math import prod
from typing import Any, TypeVar

from layergraph.errors import WrongTypeError
from layergraph.layers.arguments import Initializer
from layergraph.layers.fields import INITIALIZER, number_from
from layergraph.layers.layer import Layer
from layergraph.sizes import Shape
from layergraph.weights import Weights

M = TypeVar("M", bound=Any)  # a torch module with weight and bias

FACTOR = number_from(0)
"""A factor multiplies the global learning rate or L2 regularization; a learn-rate factor of 0 freezes."""


@dataclass(frozen=True, kw_only=True, repr=False)
class LearnableLayer(Layer):
    """The base of layers with learnable ``Weights`` and ``Bias``."""

    weights_initializer: Initializer = field(default="glorot", metadata=INITIALIZER)
    bias_initializer: Initializer = field(default="zeros", metadata=INITIALIZER)
    weight_learn_rate_factor: float = field(default=1.0, metadata=FACTOR)
    bias_learn_rate_factor: float = field(default=1.0, metadata=FACTOR)
    weight_l2_factor: float = field(default=1.0, metadata=FACTOR)
    # as in MATLAB, L2 regularization leaves the bias alone by default
    bias_l2_factor: float = field(default=0.0, metadata=FACTOR)
    bias: object = None  # an array beside weights as an array; both become one Weights

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bias is not None or not (self.weights is None or isinstance(self.weights, Weights)):
            from layergraph.layers.matlab_order import weights_and_bias

            self._set("weights", weights_and_bias(self, self.weights, self.bias, *self._order_of_weights()))
            # the weights hold it now, and layers with arrays as fields could not be compared
            self._set("bias", None)

    def _order_of_weights(self) -> tuple[Shape, Sequence[int | None]]:
        """The window, and the other dimensions of ``weights`` in MATLAB's order; ``None``: not known yet."""
        raise WrongTypeError(
            f"{type(self).__name__}: bias must be part of weights; attach both in torch's order: "
            "weights=Weights({'weight': ..., 'bias': ...})"
        )

    def training_arguments(self) -> dict[str, Any]:
        """The initializers and factors, for another layer that learns in the same way."""
        of_all = {item.name for item in fields(Layer)}
        own = (item.name for item in fields(LearnableLayer) if item.name not in of_all)
        return {name: getattr(self, name) for name in own}

    def initialize(self, module: M, channels: int, filters: int) -> M:
        """The module with its ``weight`` and ``bias`` set by the initializers.

        Args:
            module: the module.
            channels, filters: the input channels of one filter, and the number of filters that share them:
                MATLAB's fans are these times the window, for transposed convolutions too.
        """
        from layergraph.modules.initializers import initialize

        # torch's own initializers count other fans for groups and transposed weights
        window = prod(module.weight.shape[2:])
        initialize(module.weight, self.weights_initializer, window * channels, window * filters)
        # a bias has one number per filter, so that no window counts
        initialize(module.bias, self.bias_initializer, 1, filters)
        return module

    def factors(self) -> dict[str, tuple[float, float]]:
        return {
            "weight": (self.weight_learn_rate_factor, self.weight_l2_factor),
            "bias": (self.bias_learn_rate_factor, self.bias_l2_factor),
        }
