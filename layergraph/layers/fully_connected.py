"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from layergraph.errors import SizeError
from layergraph.layers import arguments
from layergraph.layers.arithmetic import Step, constant_step
from layergraph.layers.layer import Layer, Shape
from layergraph.layers.learnable import TrainedWeights
from layergraph.layers.receptive_field_rule import RulesByPort, window_rule
from layergraph.sizes import Size, image_size

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class FullyConnectedLayer(TrainedWeights, Layer):
    """Each output is a weighted sum of all inputs (MATLAB ``fullyConnectedLayer``).

    Args:
        output_size: number of outputs; an image becomes 1×1×output_size.
        input_size: ``"auto"`` takes that of the input.

    Learnables: Weights outputs×inputs, Bias outputs×1. In the torch weight the inputs are ordered as
    torch flattens them (channels, height, width). MATLAB flattens an image column by column, so its arrays
    are no ``weights`` here before the size of the input is known; attach a torch weight.

    >>> from layergraph import FullyConnectedLayer
    >>> FullyConnectedLayer(10).description
    '10 fully connected layer'
    """

    type: ClassVar[str] = "Fully Connected"
    saves_input: ClassVar[bool] = True
    default_name: ClassVar[str] = "fc"

    output_size: int
    _: KW_ONLY
    input_size: int | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        self._set(output_size=arguments.whole(self, "output_size", self.output_size))
        self._set(input_size=arguments.channels(self, "input_size", self.input_size))
        self._check_training()

    @property
    def description(self) -> str:
        return f"{self.output_size} fully connected layer"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        if self.input_size not in ("auto", inputs[0].num_elements):
            raise SizeError(
                "LG-CHANNELS",
                f"the layer takes {self.input_size} numbers, its input {inputs[0]} has "
                f"{inputs[0].num_elements}",
                advice="resize the input, pool it globally before, or use a convolution instead",
            )
        return (image_size((1,) * len(inputs[0].spatial), self.output_size),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        (out,) = self.output_sizes(inputs)
        note = "each output is a weighted sum of the whole input"
        spatial = (constant_step(1, note) for _ in out.spatial)
        return ((*spatial, constant_step(out.channels, "one for each output")),)

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        return {"Weights": (self.output_size, inputs[0].num_elements), "Bias": (self.output_size, 1)}

    def multiply_adds(self, inputs: Sequence[Size]) -> int:
        return inputs[0].num_elements * self.output_size

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        # as the convolution with a window of the whole image
        return {"in": tuple(window_rule(n, 1, 1, 0) for n in inputs[0].spatial)}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.flattening import FullyConnected
        from layergraph.modules.initializers import uninitialized

        size = inputs[0]
        module = uninitialized(FullyConnected, size.num_elements, self.output_size)
        module.num_spatial = len(size.spatial)
        return self.initialized(module, size.num_elements, self.output_size)
