"""Layers that join several inputs: addition, multiplication, concatenation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from layergraph.amounts import NOTHING, Amount
from layergraph.errors import SizeError
from layergraph.layers.arguments import whole
from layergraph.layers.arithmetic import Step, broadcast_step, constant_step, sum_step
from layergraph.layers.fields import NUM_JOINED, converter
from layergraph.layers.layer import Kind, Layer, Shape
from layergraph.layers.receptive_field_rule import RulesByPort
from layergraph.layers.saved_for_backward import SavedForBackward
from layergraph.sizes import Size, image_size

if TYPE_CHECKING:
    from torch import nn


class CombinationLayer(Layer):
    """The base of layers with the inputs ``in1`` to ``inN``.

    It is no dataclass itself: a field here would come first in each child, but ``ConcatenationLayer`` takes
    its dimension before the number of inputs, as MATLAB does.
    """

    kind: ClassVar[Kind] = "joining"
    example_arguments: ClassVar[tuple[Any, ...]] = (2,)
    example_inputs: ClassVar[tuple[Shape, ...]] = ((5, 7, 3), (5, 7, 3))

    num_inputs: int

    # computed once, for there may be thousands of ports; the cache bypasses the frozen fields
    @cached_property
    def input_names(self) -> tuple[str, ...]:
        return tuple(f"in{index + 1}" for index in range(self.num_inputs))


@dataclass(frozen=True, repr=False)
class ElementWiseLayer(CombinationLayer):
    """The base of element-wise operations; dimensions of size 1 are expanded."""

    num_inputs: int = field(metadata=NUM_JOINED)

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        return (broadcast_size(self.input_names, inputs),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        (out,) = self.output_sizes(inputs)
        # without the last dimension, the batch, which is always 1
        numbers = ([size.shape[index] for size in inputs] for index in range(len(out.shape) - 1))
        return (tuple(map(broadcast_step, numbers)),)

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        # more than two inputs are combined one after the other: the result before the last
        if len(inputs) == 2:
            return NOTHING
        return Amount(broadcast_size(self.input_names[:-1], inputs[:-1]).num_elements)


@dataclass(frozen=True, repr=False)
class AdditionLayer(ElementWiseLayer):
    """Element-wise sum of its inputs (MATLAB ``additionLayer``); dimensions of size 1 are expanded.

    >>> from layergraph import AdditionLayer
    >>> AdditionLayer(2).input_names
    ('in1', 'in2')
    """

    type: ClassVar[str] = "Addition"
    default_name: ClassVar[str] = "addition"
    passes_gradient_on: ClassVar[bool] = True
    keeps_probabilities: ClassVar[bool | None] = None

    @property
    def description(self) -> str:
        return f"Element-wise addition of {self.num_inputs} inputs"

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.arithmetic_modules import Add

        return Add()


@dataclass(frozen=True, repr=False)
class MultiplicationLayer(ElementWiseLayer):
    """Element-wise product of its inputs (MATLAB ``multiplicationLayer``); dimensions of size 1 are expanded.

    >>> from layergraph import MultiplicationLayer
    >>> MultiplicationLayer(2).description
    'Element-wise multiplication of 2 inputs'
    """

    type: ClassVar[str] = "Multiplication"
    default_name: ClassVar[str] = "multiplication"
    # products of numbers from 0 to 1 stay in that range; sums (AdditionLayer) may leave it
    keeps_probabilities: ClassVar[bool | None] = True

    @property
    def description(self) -> str:
        return f"Element-wise multiplication of {self.num_inputs} inputs"

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # of the product so far and the next input, each is saved where the other needs a gradient
        ports, private, needs_gradient = [], 0, gradients[0]
        product = inputs[0]
        for index in range(1, len(inputs)):
            if needs_gradient:
                ports.append(self.input_names[index])
            # the first product is the input in1 itself; later ones belong to no port
            if gradients[index] and index == 1:
                ports.append(self.input_names[0])
            elif gradients[index]:
                private += product.num_elements
            product = broadcast_size(self.input_names[:2], (product, inputs[index]))
            # one factor with a gradient is enough for the product to have one
            needs_gradient = needs_gradient or gradients[index]
        return SavedForBackward(tuple(ports), private=Amount(private))

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.arithmetic_modules import Multiply

        return Multiply()


@dataclass(frozen=True, repr=False)
class DepthConcatenationLayer(CombinationLayer):
    """Joins inputs of equal height and width along the channels (MATLAB ``depthConcatenationLayer``).

    >>> from layergraph import DepthConcatenationLayer
    >>> from layergraph.sizes import image_size
    >>> sizes = [image_size((32, 32), 64), image_size((32, 32), 32)]
    >>> print(DepthConcatenationLayer(2).output_sizes(sizes)[0])
    32(S) × 32(S) × 96(C) × 1(B)
    """

    type: ClassVar[str] = "Depth concatenation"
    default_name: ClassVar[str] = "depthcat"
    passes_gradient_on: ClassVar[bool] = True
    keeps_probabilities: ClassVar[bool | None] = True

    num_inputs: int = field(metadata=NUM_JOINED)

    @property
    def description(self) -> str:
        return f"Depth concatenation of {self.num_inputs} inputs"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        first = inputs[0]
        for port, size in zip(self.input_names, inputs, strict=True):
            if size.spatial != first.spatial:
                raise SizeError(
                    "LG-SPATIAL",
                    f"inputs of unequal height and width: in1 is {first}, {port} is {size}",
                    port=port,
                    advice="crop the larger (Crop2dLayer), or choose an image size whose halvings are even",
                )
        return (image_size(first.spatial, sum(size.channels for size in inputs)),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        # the channels follow the spatial dimensions, so their number is the index of the channels
        return (concatenation_steps(self, inputs, len(inputs[0].spatial)),)

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.arithmetic_modules import Concatenate

        return Concatenate()


@dataclass(frozen=True, repr=False)
class ConcatenationLayer(CombinationLayer):
    """Joins inputs along one dimension (MATLAB ``concatenationLayer``); all others must be equal.

    Args:
        dim: the dimension, counted from 1 as MATLAB does: 1 is the height, 2 the width, 3 the channels of an
            image; of a volume, 3 is the depth and 4 the channels.
        num_inputs: number of inputs.

    >>> from layergraph import ConcatenationLayer
    >>> from layergraph.sizes import image_size
    >>> sizes = [image_size((8, 8, 8), 64), image_size((8, 8, 8), 32)]
    >>> print(ConcatenationLayer(4, 2).output_sizes(sizes)[0])
    8(S) × 8(S) × 8(S) × 96(C) × 1(B)
    """

    type: ClassVar[str] = "Concatenation"
    default_name: ClassVar[str] = "concat"
    passes_gradient_on: ClassVar[bool] = True
    keeps_probabilities: ClassVar[bool | None] = True
    example_arguments: ClassVar[tuple[Any, ...]] = (3, 2)

    dim: int = field(metadata=converter(lambda layer, argument, value: whole(layer, argument, value, 1, 4)))
    num_inputs: int = field(metadata=NUM_JOINED)

    @property
    def description(self) -> str:
        return f"Concatenation of {self.num_inputs} inputs along dimension {self.dim}"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        first, at = inputs[0], self.dim - 1
        if at > len(first.spatial):
            raise SizeError(
                "LG-DIMENSIONS",
                f"there is no dimension {self.dim} in {first}",
                advice=f"dimension {len(first.spatial) + 1} are the channels",
            )
        for port, size in zip(self.input_names, inputs, strict=True):
            # inputs are compared without the dimension that may differ
            if _without(size, at) != _without(first, at):
                raise SizeError(
                    # where height and width agree, only the channels are left to differ
                    "LG-CHANNELS" if size.spatial == first.spatial else "LG-SPATIAL",
                    f"inputs differ in more than dimension {self.dim}: in1 is {first}, {port} is {size}",
                    port=port,
                    advice="crop the larger (Crop2dLayer, Crop3dLayer), or bring both to the same number of "
                    "channels with a convolution of size 1",
                )
        numbers = [*first.shape]
        numbers[at] = sum(size.shape[at] for size in inputs)
        return (Size(tuple(numbers), first.format),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        return (concatenation_steps(self, inputs, self.dim - 1),)

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort | None:
        # across the seam of two images neighbors are far apart, which no periodic rule expresses
        return None if self.dim <= len(inputs[0].spatial) else super().receptive_field_rules(inputs)

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.arithmetic_modules import Concatenate

        # torch's dimensions 0 and 1 are batch and channels, so that the height, 1 here, is 2 there
        rank = len(inputs[0].spatial)
        return Concatenate(self.dim + 1 if self.dim <= rank else 1)


def _without(size: Size, at: int) -> tuple[str, tuple[int, ...]]:
    # with the format, because equal numbers may belong to other dimensions, as in a vector
    return size.format, size.shape[:at] + size.shape[at + 1 :]


def broadcast_size(ports: Sequence[str], sizes: Sequence[Size]) -> Size:
    """The output size of an element-wise operation: dimensions are equal, or 1 and expanded.

    Raises:
        SizeError: dimensions differ and neither is 1.
    """
    result = sizes[0]
    for port, size in zip(ports[1:], sizes[1:], strict=True):
        if size == result:
            continue
        # as in MATLAB and NumPy, but never a vector with an image: their dimensions mean different things
        fits = len(size.shape) == len(result.shape) and all(
            a == b or 1 in (a, b) for a, b in zip(size.shape, result.shape, strict=True)
        )
        if not fits:
            channels_only = size.spatial == result.spatial
            raise SizeError(
                "LG-CHANNELS" if channels_only else "LG-SPATIAL",
                f"inputs of unequal size: {ports[0]} is {sizes[0]}, {port} is {size}",
                port=port,
                advice="bring both to the same number of channels with a 1×1 convolution"
                if channels_only
                else "crop the larger (Crop2dLayer) or resize one (Resize2dLayer)",
            )
        # in each dimension the numbers are equal or one of them is 1, so the larger is the result
        result = Size(tuple(map(max, size.shape, result.shape)), size.format)
    return result


def concatenation_steps(layer: Layer, inputs: Sequence[Size], along: int) -> tuple[Step, ...]:
    """The size steps of a concatenation along this dimension, counted from 0 as Python does."""
    (out,) = layer.output_sizes(inputs)
    steps = [constant_step(number, "the same in all inputs") for number in out.shape[:-1]]
    steps[along] = sum_step([size.shape[along] for size in inputs], "one input after the other")
    return tuple(steps)
