"""Layers that work on each number, or on the channels of each pixel: activations, scaling and dropout."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from layergraph.amounts import NOTHING, Amount
from layergraph.errors import ArgumentError
from layergraph.layers.fields import NUMBER, number_from
from layergraph.layers.layer import Kind, Layer
from layergraph.layers.saved_for_backward import SavedForBackward
from layergraph.sizes import Size

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class ActivationLayer(Layer):
    """The base of layers that apply a function to each number."""

    kind: ClassVar[Kind] = "activation"
    is_part_of_previous: ClassVar[bool] = True


@dataclass(frozen=True, repr=False)
class ReluLayer(ActivationLayer):
    """Rectified linear unit, max(x, 0) (MATLAB ``reluLayer``).

    >>> from layergraph import ReluLayer
    >>> ReluLayer(name="relu1")
    ReluLayer(name='relu1')
    """

    type: ClassVar[str] = "ReLU"
    default_name: ClassVar[str] = "relu"
    # the sign of the result tells where the gradient passes, so the input need not be kept
    saves_output: ClassVar[bool] = True
    # numbers from 0 to 1 pass unchanged
    keeps_probabilities: ClassVar[bool | None] = True

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        return nn.ReLU()


@dataclass(frozen=True, repr=False)
class LeakyReluLayer(ActivationLayer):
    """x where positive, else ``scale * x`` (MATLAB ``leakyReluLayer``).

    >>> from layergraph import LeakyReluLayer
    >>> LeakyReluLayer(0.1).description
    'Leaky ReLU with scale 0.1'
    """

    type: ClassVar[str] = "Leaky ReLU"
    default_name: ClassVar[str] = "leakyrelu"
    # a negative scale flips the sign of the result, so that torch's backward pass tests the input
    saves_input: ClassVar[bool] = True

    scale: float = field(default=0.01, metadata=NUMBER)

    @property
    def description(self) -> str:
        return f"Leaky ReLU with scale {self.scale:g}"

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        return nn.LeakyReLU(self.scale)


@dataclass(frozen=True, repr=False)
class ClippedReluLayer(ActivationLayer):
    """min(max(x, 0), ceiling) (MATLAB ``clippedReluLayer``).

    >>> from layergraph import ClippedReluLayer
    >>> ClippedReluLayer(6).description
    'Clipped ReLU with ceiling 6'
    """

    type: ClassVar[str] = "Clipped ReLU"
    default_name: ClassVar[str] = "clippedrelu"
    # autograd of Hardtanh keeps the input, where that of ReLU keeps the result
    saves_input: ClassVar[bool] = True
    keeps_probabilities: ClassVar[bool | None] = None
    example_arguments: ClassVar[tuple[Any, ...]] = (6,)

    ceiling: float = field(metadata=NUMBER)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ceiling <= 0:
            raise ArgumentError(f"ClippedReluLayer: ceiling must be above 0, got {self.ceiling:g}")

    @property
    def description(self) -> str:
        return f"Clipped ReLU with ceiling {self.ceiling:g}"

    def gives_probabilities(self, inputs: Set[bool | None]) -> bool | None:
        # the outputs lie between 0 and the ceiling, whatever the inputs are
        return True if self.ceiling <= 1 else super().gives_probabilities(inputs)

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        # torch's ReLU6 is this with a ceiling of 6 alone
        return nn.Hardtanh(0.0, self.ceiling)


@dataclass(frozen=True, repr=False)
class SigmoidLayer(ActivationLayer):
    """1 / (1 + exp(-x)) (MATLAB ``sigmoidLayer``).

    >>> from layergraph import SigmoidLayer
    >>> SigmoidLayer().type
    'Sigmoid'
    """

    type: ClassVar[str] = "Sigmoid"
    default_name: ClassVar[str] = "sigmoid"
    description: ClassVar[str] = "sigmoid"
    # the derivative is y * (1 - y), a function of the result alone
    saves_output: ClassVar[bool] = True

    def gives_probabilities(self, inputs: Set[bool | None]) -> bool | None:
        return True

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        return nn.Sigmoid()


@dataclass(frozen=True, repr=False)
class SoftmaxLayer(Layer):
    """Softmax over the channels of each pixel (MATLAB ``softmaxLayer``).

    Before a loss layer it is computed together with the loss, in one numerically stable step.

    >>> from layergraph import SoftmaxLayer
    >>> SoftmaxLayer().description
    'softmax'
    """

    type: ClassVar[str] = "Softmax"
    default_name: ClassVar[str] = "softmax"
    description: ClassVar[str] = "softmax"
    kind: ClassVar[Kind] = "output"
    saves_output: ClassVar[bool] = True

    def gives_probabilities(self, inputs: Set[bool | None]) -> bool | None:
        return True

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        # dimension 1 has the channels in torch, for vectors, images and volumes alike
        return nn.Softmax(dim=1)


@dataclass(frozen=True, repr=False)
class DropoutLayer(Layer):
    """Zeroes each number with this probability in training (MATLAB ``dropoutLayer``).

    The other numbers are scaled by 1 / (1 - probability). Prediction leaves all numbers unchanged.

    >>> from layergraph import DropoutLayer
    >>> DropoutLayer(0.5).description
    '50% dropout'
    """

    type: ClassVar[str] = "Dropout"
    default_name: ClassVar[str] = "dropout"
    is_part_of_previous: ClassVar[bool] = True
    # training scales the numbers up, so that they may exceed 1; prediction leaves them
    keeps_probabilities: ClassVar[bool | None] = None
    passes_scores_on: ClassVar[bool] = True

    probability: float = field(default=0.5, metadata=number_from(0, 1))

    def __post_init__(self) -> None:
        super().__post_init__()
        # torch accepts 1, but then no number and no gradient passes in training
        if self.probability == 1:
            raise ArgumentError("DropoutLayer: probability must be below 1, got 1, which zeroes all numbers")

    @property
    def description(self) -> str:
        return f"{100 * self.probability:g}% dropout"

    def shares_memory(self, inputs: Sequence[Size], training: bool) -> bool:
        # torch returns the input itself where there is nothing to drop
        return not training or self.probability == 0

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # the mask: on the CPU in the dtype of the network; a GPU kernel takes one byte per number
        return SavedForBackward(private=Amount(inputs[0].num_elements if self.probability else 0))

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        return nn.Dropout(self.probability)


@dataclass(frozen=True, repr=False)
class ScalingLayer(ActivationLayer):
    """``scale * x + bias``, with fixed numbers (MATLAB ``scalingLayer``).

    >>> from layergraph import ScalingLayer
    >>> ScalingLayer(0.17).description
    'Scaling by 0.17'
    """

    type: ClassVar[str] = "Scaling"
    default_name: ClassVar[str] = "scaling"
    keeps_probabilities: ClassVar[bool | None] = None
    passes_scores_on: ClassVar[bool] = True

    scale: float = field(default=1.0, metadata=NUMBER)
    bias: float = field(default=0.0, metadata=NUMBER)

    @property
    def description(self) -> str:
        return f"Scaling by {self.scale:g}" + (f" and bias {self.bias:g}" if self.bias else "")

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        # the product, while the bias is added to it; without a bias it is the output itself
        return Amount(inputs[0].num_elements) if self.bias else NOTHING

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.arithmetic_modules import Scale

        return Scale(self.scale, self.bias)
