"""Convolutions: plain and grouped, in two and three dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from layergraph.amounts import Amount
from layergraph.errors import SizeError
from layergraph.layers.arguments import Numbers, Padding
from layergraph.layers.arithmetic import Step, constant_step, window_steps
from layergraph.layers.fields import CHANNELS, MARGINS, NUMBER, PER_DIMENSION, WHOLE, whole_or
from layergraph.layers.layer import Kind, Layer, Shape, bracketed, expect_spatial
from layergraph.layers.learnable import LearnableLayer
from layergraph.layers.receptive_field_rule import RulesByPort
from layergraph.layers.saved_for_backward import SavedForBackward
from layergraph.layers.window import (
    margins_mode,
    margins_size,
    margins_text,
    padded_copy_memory,
    slide,
    window,
    window_rules,
)
from layergraph.sizes import Size, Window, image_size
from layergraph.wording import times

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class FilterLayer(LearnableLayer):
    """The base of convolutions: filters that slide over the input, in one group or several."""

    kind: ClassVar[Kind] = "convolution"
    rank: ClassVar[int]
    accepts_arrays: ClassVar[bool] = True
    example_arguments: ClassVar[tuple[Any, ...]] = (3, 4)

    filter_size: Numbers = field(metadata=PER_DIMENSION)
    _: KW_ONLY
    stride: Numbers = field(default=1, metadata=PER_DIMENSION)
    dilation_factor: Numbers = field(default=1, metadata=PER_DIMENSION)
    padding: Padding = field(default=0, metadata=MARGINS)
    padding_value: float = field(default=0.0, metadata=NUMBER)

    @property
    def padding_mode(self) -> Literal["same", "manual"]:
        """``"same"``, or ``"manual"`` for given numbers, as MATLAB reports it."""
        return margins_mode(self.padding)

    @property
    def padding_size(self) -> Shape | tuple[Shape, ...]:
        """The rows and columns of padding, as MATLAB reports them; empty for ``"same"``."""
        return margins_size(self.padding)

    def window(self) -> Window:
        """The window that slides over the input."""
        return window(self.filter_size, self.stride, self.dilation_factor, self.padding)

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        # first, for it raises on a wrong rank; the window would ignore additional dimensions
        groups, filters = self._groups_and_filters(inputs[0])
        return (image_size(slide(self.window(), inputs[0]), groups * filters),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        filters = self._filter_step(*self._groups_and_filters(inputs[0]))
        return ((*window_steps(self.window(), inputs[0].spatial), filters),)

    def _groups_and_filters(self, size: Size) -> tuple[int, int]:
        """The number of groups, and of filters per group.

        Raises:
            SizeError: the input has another number of dimensions or channels.
        """
        raise NotImplementedError

    def _filter_step(self, groups: int, filters: int) -> Step:
        raise NotImplementedError

    def multiply_adds(self, inputs: Sequence[Size]) -> int:
        spatial = self.output_sizes(inputs)[0].spatial
        # every output position uses each weight of all filters once, whatever the number of groups
        return prod(spatial) * prod(self.learnables(inputs)["Weights"])

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        # torch pads with zeros, equally on both sides; for anything else the module pads a copy first
        window = self.window()
        return padded_copy_memory(window, window.convolution_padding(self.padding_value), inputs[0])

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # autograd saves the input of the operation, which is the copy where there is one
        copy = self.workspace(inputs)
        return SavedForBackward(private=copy) if copy.numbers else SavedForBackward(("in",))

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        return {"in": window_rules(self.window(), inputs[0])}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.padded_convolution import convolution

        groups, filters = self._groups_and_filters(inputs[0])
        channels = inputs[0].channels
        module = convolution(self.window(), channels, groups * filters, groups, self.padding_value)
        # each group is a convolution of its own, so that MATLAB's fans count one group
        return self.initialize(module, channels // groups, filters)

    def _filters_text(self, channels: int | Literal["auto"]) -> str:
        """The filters, and how they slide, in MATLAB's words."""
        # with 'auto' only an input tells the channels, and a description has none
        shape = (*cast(Shape, self.filter_size), *(() if channels == "auto" else (channels,)))
        dilation = cast(Shape, self.dilation_factor)
        stride, padding = bracketed(cast(Shape, self.stride)), f"padding {margins_text(self.padding)}"
        slides = f"stride {stride} and {padding}"
        # as in MATLAB's tables, a dilation factor of 1 is not mentioned
        if set(dilation) != {1}:
            slides = f"stride {stride}, dilation factor {bracketed(dilation)}, and {padding}"
        return f"{times(shape)} convolutions with {slides}"


@dataclass(frozen=True, repr=False)
class Convolution(FilterLayer):
    """The base of convolutions in which every filter reads all channels."""

    # the second positional argument, as in MATLAB: the base has only keywords after its first
    num_filters: int = field(metadata=WHOLE)
    _: KW_ONLY
    num_channels: int | Literal["auto"] = field(default="auto", metadata=CHANNELS)

    @property
    def description(self) -> str:
        return f"{self.num_filters} {self._filters_text(self.num_channels)}"

    def _order_of_weights(self) -> tuple[Shape, Sequence[int | None]]:
        channels = None if self.num_channels == "auto" else self.num_channels
        return cast(Shape, self.filter_size), (channels, self.num_filters)

    def _groups_and_filters(self, size: Size) -> tuple[int, int]:
        expect_spatial(size, self.rank)
        expect_channels(size, self.num_channels)
        return 1, self.num_filters

    def _filter_step(self, groups: int, filters: int) -> Step:
        return constant_step(filters, "one per filter")

    def relaxations(self, inputs: Sequence[Size]) -> Iterator[tuple[Layer, Sequence[Size]]]:
        return channel_relaxations(self, inputs)

    def with_same_padding(self) -> Layer:
        # any number of channels, so that only the window decides whether the layer fits
        return replace(self, num_channels="auto", padding="same")

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        return {
            "Weights": (*cast(Shape, self.filter_size), inputs[0].channels, self.num_filters),
            # MATLAB's bias has a dimension of size 1 for each spatial dimension
            "Bias": (*(1,) * self.rank, self.num_filters),
        }


@dataclass(frozen=True, repr=False)
class Convolution2dLayer(Convolution):
    """2-D convolution (MATLAB ``convolution2dLayer``).

    Args:
        filter_size: height and width of the filters, one number or two.
        num_filters: number of output channels.
        stride, dilation_factor: one number or two (vertical, horizontal).
        padding: a number, two (vertical, horizontal), four (top, bottom, left, right), or ``"same"``:
            output size ``ceil(input / stride)``, the odd row at the bottom, the odd column at the right.
        padding_value: the value of the padding.
        num_channels: input channels; ``"auto"``: as many as the input has.
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
class Convolution3dLayer(Convolution):
    """3-D convolution (MATLAB ``convolution3dLayer``): as 2-D, with three numbers per size.

    ``padding`` is a number, three, ((top, left, front), (bottom, right, back)), or ``"same"``.

    >>> from layergraph import Convolution3dLayer
    >>> Convolution3dLayer(3, 16, padding="same").description
    "16 3×3×3 convolutions with stride [1 1 1] and padding 'same'"
    """

    type: ClassVar[str] = "3-D Convolution"
    default_name: ClassVar[str] = "conv3d"
    rank: ClassVar[int] = 3
    example_inputs: ClassVar[tuple[Shape, ...]] = ((5, 4, 6, 2),)


@dataclass(frozen=True, repr=False)
class GroupedConvolution2dLayer(FilterLayer):
    """Grouped 2-D convolution (MATLAB ``groupedConvolution2dLayer``).

    Args:
        filter_size: height and width of the filters, one number or two.
        num_filters_per_group: output channels of each group.
        num_groups: number of groups, or ``"channel-wise"``: one group per input channel.

    The other arguments are those of :class:`Convolution2dLayer`. Learnables: Weights
    h×w×channelsPerGroup×filtersPerGroup×groups, Bias 1×1×filtersPerGroup×groups.

    >>> from layergraph import GroupedConvolution2dLayer
    >>> GroupedConvolution2dLayer(3, 1, "channel-wise", padding="same").description
    "channel-wise groups of 1 3×3 convolutions with stride [1 1] and padding 'same'"
    """

    type: ClassVar[str] = "Grouped Convolution"
    default_name: ClassVar[str] = "groupedconv"
    rank: ClassVar[int] = 2
    example_arguments: ClassVar[tuple[Any, ...]] = (3, 2, 3)

    num_filters_per_group: int = field(metadata=WHOLE)
    num_groups: int | Literal["channel-wise"] = field(metadata=whole_or("channel-wise"))
    _: KW_ONLY
    num_channels_per_group: int | Literal["auto"] = field(default="auto", metadata=CHANNELS)

    @property
    def description(self) -> str:
        filters = self._filters_text(self.num_channels_per_group)
        return f"{self.num_groups} groups of {self.num_filters_per_group} {filters}"

    def _order_of_weights(self) -> tuple[Shape, Sequence[int | None]]:
        channels = None if self.num_channels_per_group == "auto" else self.num_channels_per_group
        # every group reads one channel; how many groups there are, only the input or the weights show
        if self.num_groups == "channel-wise":
            return cast(Shape, self.filter_size), (1, self.num_filters_per_group, None)
        return cast(Shape, self.filter_size), (channels, self.num_filters_per_group, self.num_groups)

    def _groups_and_filters(self, size: Size) -> tuple[int, int]:
        expect_spatial(size, self.rank)
        groups = size.channels if self.num_groups == "channel-wise" else self.num_groups
        if size.channels % groups:
            raise SizeError(
                "LG-CHANNELS", f"{size.channels} input channels do not divide into {groups} groups"
            )
        if self.num_channels_per_group != "auto":
            # the argument counts the channels of one group, the input those of all groups
            expect_channels(size, self.num_channels_per_group * groups)
        return groups, self.num_filters_per_group

    def _filter_step(self, groups: int, filters: int) -> Step:
        each = "channel" if self.num_groups == "channel-wise" else "group"
        return Step(f"{groups}·{filters}", groups * filters, f"{filters} per {each}")

    def relaxations(self, inputs: Sequence[Size]) -> Iterator[tuple[Layer, Sequence[Size]]]:
        # without a given number per group, the channels of the input may divide into the groups
        free = replace(self, num_channels_per_group="auto")
        yield free, inputs
        if self.num_groups != "channel-wise":
            # the next number of channels that divides into the groups
            whole = -(-inputs[0].channels // self.num_groups) * self.num_groups
            yield free, [inputs[0].with_channels(whole)]

    def with_same_padding(self) -> Layer:
        return replace(self, num_channels_per_group="auto", padding="same")

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        groups, filters = self._groups_and_filters(inputs[0])
        # MATLAB has a dimension for the groups, where torch counts the filters of all groups
        per_group = inputs[0].channels // groups
        return {
            "Weights": (*cast(Shape, self.filter_size), per_group, filters, groups),
            "Bias": (1, 1, filters, groups),
        }


def expect_channels(size: Size, expected: int | Literal["auto"]) -> None:
    """Raise unless the size has the number of channels that a layer was made for."""
    if expected not in ("auto", size.channels):
        raise SizeError(
            "LG-CHANNELS",
            f"the layer takes {expected} channels, its input {size} has {size.channels}",
            advice=f"give the layer num_channels={size.channels} or 'auto'",
        )


def channel_relaxations(layer: Any, inputs: Sequence[Size]) -> Iterator[tuple[Layer, Sequence[Size]]]:
    """The layer with any number of channels, and its input with the number that it was made for."""
    yield replace(layer, num_channels="auto"), inputs
    # with 'auto' there is no other number of channels to try
    if layer.num_channels != "auto":
        yield layer, [inputs[0].with_channels(layer.num_channels)]
