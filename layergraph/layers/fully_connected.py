"""Fully connected layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from layergraph.errors import SizeError
from layergraph.layers.arithmetic import Step, constant_step
from layergraph.layers.fields import CHANNELS, WHOLE
from layergraph.layers.layer import Kind, Layer, Shape
from layergraph.layers.learnable import LearnableLayer
from layergraph.layers.receptive_field_rule import RulesByPort, window_rule
from layergraph.sizes import Size, image_size

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class FullyConnectedLayer(LearnableLayer):
    """Each output is a weighted sum of all inputs (MATLAB ``fullyConnectedLayer``).

    Args:
        output_size: number of outputs; an image becomes 1×1×output_size.
        input_size: number of inputs; ``"auto"``: as many as the input has.

    Learnables: Weights outputs×inputs, Bias outputs×1. The torch weight has its inputs in the order in which
    torch flattens them (channels, height, width). MATLAB flattens an image column by column, which depends on
    its size, so ``weights`` takes no MATLAB arrays here; attach a torch weight.

    >>> from layergraph import FullyConnectedLayer
    >>> FullyConnectedLayer(10).description
    '10 fully connected layer'
    """

    type: ClassVar[str] = "Fully Connected"
    default_name: ClassVar[str] = "fc"
    kind: ClassVar[Kind] = "convolution"
    # the gradient of the weights is a product with the input
    saves_input: ClassVar[bool] = True
    flattens: ClassVar[bool] = True
    example_arguments: ClassVar[tuple[Any, ...]] = (4,)

    output_size: int = field(metadata=WHOLE)
    _: KW_ONLY
    input_size: int | Literal["auto"] = field(default="auto", metadata=CHANNELS)

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
        # an image stays an image, 1×1, so that layers downstream find height and width
        return (image_size((1,) * len(inputs[0].spatial), self.output_size),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        (out,) = self.output_sizes(inputs)
        note = "each output is a weighted sum of the whole input"
        spatial = (constant_step(1, note) for _ in out.spatial)
        return ((*spatial, constant_step(out.channels, "one per output")),)

    def relaxations(self, inputs: Sequence[Size]) -> Iterator[tuple[Layer, Sequence[Size]]]:
        yield replace(self, input_size="auto"), inputs

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        return {"Weights": (self.output_size, inputs[0].num_elements), "Bias": (self.output_size, 1)}

    def multiply_adds(self, inputs: Sequence[Size]) -> int:
        return inputs[0].num_elements * self.output_size

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        # as a convolution whose window is the whole image
        return {"in": tuple(window_rule(n, 1, 1, 0) for n in inputs[0].spatial)}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.flattening import FullyConnected
        from layergraph.modules.initializers import uninitialized_module

        size = inputs[0]
        # torch's initialization would be overwritten at once
        module = uninitialized_module(FullyConnected, size.num_elements, self.output_size)
        module.num_spatial = len(size.spatial)
        return self.initialize(module, size.num_elements, self.output_size)
