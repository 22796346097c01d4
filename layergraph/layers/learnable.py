"""How the weights of a layer start and how fast they learn: the arguments that such layers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

from layergraph.errors import WrongTypeError
from layergraph.layers.arguments import Initializer, initializer, number
from layergraph.sizes import Shape
from layergraph.weights import Weights

M = TypeVar("M", bound=Any)  # a torch module with weight and bias


@dataclass(frozen=True, kw_only=True, repr=False)
class TrainedWeights:
    """Initializers and training factors of ``Weights`` and ``Bias``.

    A factor multiplies the global learning rate or L2 regularization; a learn-rate factor of 0 freezes.
    """

    weights_initializer: Initializer = "glorot"
    bias_initializer: Initializer = "zeros"
    weight_learn_rate_factor: float = 1.0
    bias_learn_rate_factor: float = 1.0
    weight_l2_factor: float = 1.0
    bias_l2_factor: float = 0.0
    bias: object = None  # with weights as an array, an array; both are in weights then

    def _check_training(self) -> None:
        for argument in ("weights_initializer", "bias_initializer"):
            object.__setattr__(self, argument, initializer(self, argument, getattr(self, argument)))
        for kind in ("weight", "bias"):
            for what in ("learn_rate_factor", "l2_factor"):
                argument = f"{kind}_{what}"
                object.__setattr__(self, argument, number(self, argument, getattr(self, argument), 0))
        weights = getattr(self, "weights", None)
        if self.bias is not None or not (weights is None or isinstance(weights, Weights)):
            from layergraph.layers.matlab_order import weights_and_bias

            taken = weights_and_bias(self, weights, self.bias, *self._order_of_weights())
            object.__setattr__(self, "weights", taken)
            object.__setattr__(self, "bias", None)

    def _order_of_weights(self) -> tuple[Shape, Sequence[int | None]]:
        """The window, and the other dimensions of ``weights`` in MATLAB's order; None: not known yet."""
        raise WrongTypeError(
            f"{type(self).__name__}: bias is no argument of its own; attach weights=Weights({{'weight': ..., "
            "'bias': ...}) in torch's order"
        )

    def initialized(self, module: M, channels: int, filters: int) -> M:
        """The module with its ``weight`` and ``bias`` as the initializers say.

        ``channels`` and ``filters`` are what one filter sees and how many see the same: MATLAB's fans are
        these times the window, for transposed convolutions too.
        """
        from layergraph.modules.initializers import initialize

        window = prod(module.weight.shape[2:])
        initialize(module.weight, self.weights_initializer, window * channels, window * filters)
        initialize(module.bias, self.bias_initializer, 1, filters)
        return module

    def factors(self) -> dict[str, tuple[float, float]]:
        """For each parameter of the torch module its learn-rate and L2 factor."""
        return {
            "weight": (self.weight_learn_rate_factor, self.weight_l2_factor),
            "bias": (self.bias_learn_rate_factor, self.bias_l2_factor),
        }
