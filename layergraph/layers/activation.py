"""Layers that work on each number, or on the channels of each pixel: activations and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from layergraph.errors import ArgumentError
from layergraph.layers.arguments import number
from layergraph.layers.layer import Layer
from layergraph.layers.memory_rule import NOTHING, Amount, SavedForBackward
from layergraph.sizes import Size

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class ReluLayer(Layer):
    """Rectified linear unit, max(x, 0) (MATLAB ``reluLayer``).

    >>> from layergraph import ReluLayer
    >>> ReluLayer(name="relu1")
    ReluLayer(name='relu1')
    """

    type: ClassVar[str] = "ReLU"
    saves_output: ClassVar[bool] = True
    default_name: ClassVar[str] = "relu"

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        return nn.ReLU()


@dataclass(frozen=True, repr=False)
class LeakyReluLayer(Layer):
    """x where positive, else ``scale * x`` (MATLAB ``leakyReluLayer``).

    >>> from layergraph import LeakyReluLayer
    >>> LeakyReluLayer(0.1).description
    'Leaky ReLU with scale 0.1'
    """

    type: ClassVar[str] = "Leaky ReLU"
    saves_input: ClassVar[bool] = True
    default_name: ClassVar[str] = "leakyrelu"

    scale: float = 0.01

    def __post_init__(self) -> None:
        self._set(scale=number(self, "scale", self.scale))

    @property
    def description(self) -> str:
        return f"Leaky ReLU with scale {self.scale:g}"

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        return nn.LeakyReLU(self.scale)


@dataclass(frozen=True, repr=False)
class ClippedReluLayer(Layer):
    """min(max(x, 0), ceiling) (MATLAB ``clippedReluLayer``).

    >>> from layergraph import ClippedReluLayer
    >>> ClippedReluLayer(6).description
    'Clipped ReLU with ceiling 6'
    """

    type: ClassVar[str] = "Clipped ReLU"
    saves_input: ClassVar[bool] = True
    default_name: ClassVar[str] = "clippedrelu"

    ceiling: float

    def __post_init__(self) -> None:
        self._set(ceiling=number(self, "ceiling", self.ceiling))
        if self.ceiling <= 0:
            raise ArgumentError(f"ClippedReluLayer: ceiling is above 0, got {self.ceiling:g}")

    @property
    def description(self) -> str:
        return f"Clipped ReLU with ceiling {self.ceiling:g}"

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        return nn.Hardtanh(0.0, self.ceiling)


@dataclass(frozen=True, repr=False)
class SigmoidLayer(Layer):
    """1 / (1 + exp(-x)) (MATLAB ``sigmoidLayer``).

    >>> from layergraph import SigmoidLayer
    >>> SigmoidLayer().type
    'Sigmoid'
    """

    type: ClassVar[str] = "Sigmoid"
    saves_output: ClassVar[bool] = True
    default_name: ClassVar[str] = "sigmoid"
    description: ClassVar[str] = "sigmoid"

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
    saves_output: ClassVar[bool] = True
    default_name: ClassVar[str] = "softmax"
    description: ClassVar[str] = "softmax"

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        return nn.Softmax(dim=1)


@dataclass(frozen=True, repr=False)
class DropoutLayer(Layer):
    """Zeroes each number with this probability while training (MATLAB ``dropoutLayer``).

    What is kept is scaled by 1 / (1 - probability); in prediction nothing happens.

    >>> from layergraph import DropoutLayer
    >>> DropoutLayer(0.5).description
    '50% dropout'
    """

    type: ClassVar[str] = "Dropout"
    default_name: ClassVar[str] = "dropout"

    probability: float = 0.5

    def __post_init__(self) -> None:
        self._set(probability=number(self, "probability", self.probability, 0, 1))
        if self.probability == 1:
            raise ArgumentError("DropoutLayer: probability is below 1, got 1; nothing would be left")

    @property
    def description(self) -> str:
        return f"{100 * self.probability:g}% dropout"

    def shares_memory(self, inputs: Sequence[Size], training: bool) -> bool:
        return not training or self.probability == 0

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # the mask: numbers on the CPU; a GPU has a kernel that takes one byte for each
        return SavedForBackward(private=Amount(inputs[0].num_elements if self.probability else 0))

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        return nn.Dropout(self.probability)


@dataclass(frozen=True, repr=False)
class ScalingLayer(Layer):
    """``scale * x + bias``, with fixed numbers (MATLAB ``scalingLayer``).

    >>> from layergraph import ScalingLayer
    >>> ScalingLayer(0.17).description
    'Scaling by 0.17'
    """

    type: ClassVar[str] = "Scaling"
    default_name: ClassVar[str] = "scaling"

    scale: float = 1.0
    bias: float = 0.0

    def __post_init__(self) -> None:
        self._set(scale=number(self, "scale", self.scale), bias=number(self, "bias", self.bias))

    @property
    def description(self) -> str:
        return f"Scaling by {self.scale:g}" + (f" and bias {self.bias:g}" if self.bias else "")

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        return Amount(inputs[0].num_elements) if self.bias else NOTHING

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.arithmetic_modules import Scale

        return Scale(self.scale, self.bias)
