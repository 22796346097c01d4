"""The output layer of regressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from layergraph.amounts import Amount
from layergraph.layers.output import OutputLayer
from layergraph.layers.saved_for_backward import SavedForBackward
from layergraph.sizes import Size

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class RegressionLayer(OutputLayer):
    """Half mean squared error: Σ (t - y)² / 2, over each observation (MATLAB ``regressionLayer``).

    The sum is divided by the number of observations.

    >>> from layergraph import RegressionLayer
    >>> RegressionLayer().description
    'mean-squared-error'
    """

    type: ClassVar[str] = "Regression Output"
    default_name: ClassVar[str] = "regressionoutput"
    description: ClassVar[str] = "mean-squared-error"
    takes_logits: ClassVar[bool] = True

    def saved_by_loss(self, inputs: Sequence[Size], from_logits: bool) -> SavedForBackward:
        target = Amount(inputs[0].num_elements)
        # the module computes the softmax itself then, so that its result belongs to no port
        if from_logits:
            return SavedForBackward(private=target + target)
        return SavedForBackward(("in",), private=target)

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        """A module that passes the prediction on; its method ``loss`` takes prediction and target."""
        from layergraph.modules.losses import HalfMeanSquaredError

        return HalfMeanSquaredError()
