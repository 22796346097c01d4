"""Convolutions: plain and grouped, in two and three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from layergraph.errors import SizeError
from layergraph.layers import arguments
from layergraph.layers.arguments import Numbers, Padding
from layergraph.layers.arithmetic import Step, constant_step, window_steps
from layergraph.layers.layer import Layer, Shape, bracketed, expect_spatial
from layergraph.layers.learnable import TrainedWeights
from layergraph.layers.memory_rule import Amount, SavedForBackward
from layergraph.layers.receptive_field_rule import RulesByPort
from layergraph.layers.window import margins_text, padded_copy_memory, slide, window, window_rules
from layergraph.sizes import Size, Window, image_size
from layergraph.wording import times

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class Convolution(TrainedWeights):
    """What convolutions of both ranks share."""

    rank: ClassVar[int]
    accepts_arrays: ClassVar[bool] = True

    filter_size: Numbers
    num_filters: int
    _: KW_ONLY
    stride: Numbers = 1
    dilation_factor: Numbers = 1
    padding: Padding = 0
    padding_value: float = 0.0
    num_channels: int | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        check = {name: getattr(self, name) for name in ("filter_size", "stride", "dilation_factor")}
        for argument, value in check.items():
            object.__setattr__(self, argument, arguments.per_dimension(self, argument, value, self.rank))
        set_ = object.__setattr__
        set_(self, "num_filters", arguments.whole(self, "num_filters", self.num_filters))
        set_(self, "padding", arguments.margins(self, "padding", self.padding, self.rank))
        set_(self, "padding_value", arguments.number(self, "padding_value", self.padding_value))
        set_(self, "num_channels", arguments.channels(self, "num_channels", self.num_channels))
        self._check_training()

    @property
    def description(self) -> str:
        channels = () if self.num_channels == "auto" else (self.num_channels,)
        kind = times((*cast(Shape, self.filter_size), *channels))
        return f"{self.num_filters} {kind} convolutions with {slide_text(self)}"

    def _order_of_weights(self) -> tuple[Shape, Sequence[int | None]]:
        channels = None if self.num_channels == "auto" else self.num_channels
        return cast(Shape, self.filter_size), (channels, self.num_filters)

    def window(self) -> Window:
        """The window that slides over the input."""
        return window(self.filter_size, self.stride, self.dilation_factor, self.padding)

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        expect_spatial(inputs[0], self.rank)
        expect_channels(inputs[0], self.num_channels)
        return (image_size(slide(self.window(), inputs[0]), self.num_filters),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        expect_spatial(inputs[0], self.rank)
        expect_channels(inputs[0], self.num_channels)
        filters = constant_step(self.num_filters, "one for each filter")
        return ((*window_steps(self.window(), inputs[0].spatial), filters),)

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        return {
            "Weights": (*cast(Shape, self.filter_size), inputs[0].channels, self.num_filters),
            "Bias": (*(1,) * self.rank, self.num_filters),
        }

    def multiply_adds(self, inputs: Sequence[Size]) -> int:
        spatial = self.output_sizes(inputs)[0].spatial
        return prod(spatial) * prod(self.learnables(inputs)["Weights"])

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        return padded_copy_memory(
            self.window(), self.window().convolution_padding(self.padding_value), inputs[0]
        )

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        copy = self.workspace(inputs)
        return SavedForBackward(private=copy) if copy.numbers else SavedForBackward(("in",))

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        return {"in": window_rules(self.window(), inputs[0])}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.padded_convolution import convolution

        module = convolution(self.window(), inputs[0].channels, self.num_filters, 1, self.padding_value)
        return self.initialized(module, inputs[0].channels, self.num_filters)


@dataclass(frozen=True, repr=False)
class Convolution2dLayer(Convolution, Layer):
    """2-D convolution (MATLAB ``convolution2dLayer``).

    Args:
        filter_size: height and width of the filters, one number or two.
        num_filters: number of output channels.
        stride, dilation_factor: one number or two (vertical, horizontal).
        padding: a number, two (vertical, horizontal), four (top, bottom, left, right), or ``"same"``:
            output size ``ceil(input / stride)``, the odd row at the bottom, the odd column at the right.
        padding_value: what the padding is filled with.
        num_channels: input channels; ``"auto"`` takes those of the input.
        weights_initializer, bias_initializer: ``"glorot"``, ``"he"``, ``"orthogonal"``, ``"bilinear"``,
            ``"narrow-normal"``, ``"zeros"``, ``"ones"``, or a function of the torch shape.
        weights, bias: NumPy arrays in MATLAB's order, h×w×channels×filters and 1×1×filters, taken in float32;
            or ``weights`` alone, a :class:`~layergraph.weights.Weights` of torch tensors.

    Learnables: Weights h×w×channels×filters, Bias 1×1×filters.

    >>> from layergraph import Convolution2dLayer
    >>> from layergraph.sizes import image_size
    >>> print(Convolution2dLayer(3, 64, stride=2, padding="same").output_sizes([image_size((45, 60), 3)])[0])
    23(S) × 30(S) × 64(C) × 1(B)
    """

    type: ClassVar[str] = "Convolution"
    default_name: ClassVar[str] = "conv"
    rank: ClassVar[int] = 2


@dataclass(frozen=True, repr=False)
class Convolution3dLayer(Convolution, Layer):
    """3-D convolution (MATLAB ``convolution3dLayer``): as 2-D, with three numbers a size.

    ``padding`` is a number, three, ((top, left, front), (bottom, right, back)), or ``"same"``.

    >>> from layergraph import Convolution3dLayer
    >>> Convolution3dLayer(3, 16, padding="same").description
    "16 3×3×3 convolutions with stride [1 1 1] and padding 'same'"
    """

    type: ClassVar[str] = "3-D Convolution"
    default_name: ClassVar[str] = "conv3d"
    rank: ClassVar[int] = 3


@dataclass(frozen=True, repr=False)
class GroupedConvolution2dLayer(TrainedWeights, Layer):
    """Grouped 2-D convolution (MATLAB ``groupedConvolution2dLayer``).

    Args:
        filter_size: height and width of the filters, one number or two.
        num_filters_per_group: output channels of each group.
        num_groups: number of groups, or ``"channel-wise"``: one group for each input channel.

    The other arguments are those of :class:`Convolution2dLayer`. Learnables: Weights
    h×w×channelsPerGroup×filtersPerGroup×groups, Bias 1×1×filtersPerGroup×groups.

    >>> from layergraph import GroupedConvolution2dLayer
    >>> GroupedConvolution2dLayer(3, 1, "channel-wise", padding="same").description
    "channel-wise groups of 1 3×3 convolutions with stride [1 1] and padding 'same'"
    """

    type: ClassVar[str] = "Grouped Convolution"
    default_name: ClassVar[str] = "groupedconv"
    rank: ClassVar[int] = 2
    accepts_arrays: ClassVar[bool] = True

    filter_size: Numbers
    num_filters_per_group: int
    num_groups: int | Literal["channel-wise"]
    _: KW_ONLY
    stride: Numbers = 1
    dilation_factor: Numbers = 1
    padding: Padding = 0
    padding_value: float = 0.0
    num_channels_per_group: int | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        for argument in ("filter_size", "stride", "dilation_factor"):
            self._set(**{argument: arguments.per_dimension(self, argument, getattr(self, argument), 2)})
        if isinstance(self.num_groups, str):
            other = "a whole number of at least 1"
            arguments.choice(self, "num_groups", self.num_groups, ("channel-wise",), or_else=other)
        else:
            self._set(num_groups=arguments.whole(self, "num_groups", self.num_groups))
        self._set(
            num_filters_per_group=arguments.whole(self, "num_filters_per_group", self.num_filters_per_group),
            padding=arguments.margins(self, "padding", self.padding, 2),
            padding_value=arguments.number(self, "padding_value", self.padding_value),
            num_channels_per_group=arguments.channels(
                self, "num_channels_per_group", self.num_channels_per_group
            ),
        )
        self._check_training()

    @property
    def description(self) -> str:
        channels = () if self.num_channels_per_group == "auto" else (self.num_channels_per_group,)
        kind = times((*cast(Shape, self.filter_size), *channels))
        groups = "channel-wise" if self.num_groups == "channel-wise" else str(self.num_groups)
        return f"{groups} groups of {self.num_filters_per_group} {kind} convolutions with {slide_text(self)}"

    def _order_of_weights(self) -> tuple[Shape, Sequence[int | None]]:
        channels = None if self.num_channels_per_group == "auto" else self.num_channels_per_group
        groups = None if isinstance(self.num_groups, str) else self.num_groups
        if groups is None:
            channels = 1
        return cast(Shape, self.filter_size), (channels, self.num_filters_per_group, groups)

    def window(self) -> Window:
        """The window that slides over the input."""
        return window(self.filter_size, self.stride, self.dilation_factor, self.padding)

    def _groups(self, size: Size) -> int:
        return size.channels if self.num_groups == "channel-wise" else self.num_groups

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        expect_spatial(inputs[0], 2)
        groups = self._groups(inputs[0])
        if inputs[0].channels % groups:
            raise SizeError(
                "LG-CHANNELS", f"{inputs[0].channels} input channels do not divide into {groups} groups"
            )
        if self.num_channels_per_group != "auto":
            expect_channels(inputs[0], self.num_channels_per_group * groups)
        return (image_size(slide(self.window(), inputs[0]), self.num_filters_per_group * groups),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        expect_spatial(inputs[0], 2)
        groups, filters = self._groups(inputs[0]), self.num_filters_per_group
        each = "channel" if self.num_groups == "channel-wise" else "group"
        channels = Step(f"{groups}·{filters}", groups * filters, f"{filters} for each {each}")
        return ((*window_steps(self.window(), inputs[0].spatial), channels),)

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        groups = self._groups(inputs[0])
        per_group = inputs[0].channels // groups
        return {
            "Weights": (*cast(Shape, self.filter_size), per_group, self.num_filters_per_group, groups),
            "Bias": (1, 1, self.num_filters_per_group, groups),
        }

    def multiply_adds(self, inputs: Sequence[Size]) -> int:
        spatial = self.output_sizes(inputs)[0].spatial
        return prod(spatial) * prod(self.learnables(inputs)["Weights"])

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        return padded_copy_memory(
            self.window(), self.window().convolution_padding(self.padding_value), inputs[0]
        )

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        copy = self.workspace(inputs)
        return SavedForBackward(private=copy) if copy.numbers else SavedForBackward(("in",))

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        return {"in": window_rules(self.window(), inputs[0])}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.padded_convolution import convolution

        groups = self._groups(inputs[0])
        channels, filters = inputs[0].channels, self.num_filters_per_group * groups
        module = convolution(self.window(), channels, filters, groups, self.padding_value)
        return self.initialized(module, channels // groups, self.num_filters_per_group)


def expect_channels(size: Size, expected: int | Literal["auto"]) -> None:
    """Raise unless the size has the channels a layer was made for."""
    if expected not in ("auto", size.channels):
        raise SizeError(
            "LG-CHANNELS",
            f"the layer takes {expected} channels, its input {size} has {size.channels}",
            advice=f"give the layer num_channels={size.channels} or 'auto'",
        )


def slide_text(layer: Convolution | GroupedConvolution2dLayer) -> str:
    """Stride, dilation and padding in words, as MATLAB's tables have them."""
    stride, dilation = cast(Shape, layer.stride), cast(Shape, layer.dilation_factor)
    padding = f"padding {margins_text(layer.padding)}"
    if set(dilation) == {1}:
        return f"stride {bracketed(stride)} and {padding}"
    return f"stride {bracketed(stride)}, dilation factor {bracketed(dilation)}, and {padding}"
