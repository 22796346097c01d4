"""Pooling: maximum (with the outputs that unpooling needs), average, global average, unpooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from math import prod
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from layergraph.amounts import Amount
from layergraph.errors import ArgumentError, SizeError
from layergraph.layers import arguments
from layergraph.layers.arguments import Numbers, Padding, pairs
from layergraph.layers.arithmetic import Step, constant_step, product_text, window_steps
from layergraph.layers.fields import FLAG, MARGINS, PER_DIMENSION, converter
from layergraph.layers.layer import Kind, Layer, Shape, bracketed, expect_spatial
from layergraph.layers.receptive_field_rule import RulesByPort, transposed_rule, window_rule
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
class Pooling(Layer):
    """The base of pooling layers with a window."""

    kind: ClassVar[Kind] = "pooling"
    rank: ClassVar[int]
    operation: ClassVar[str]
    # a maximum or an average of numbers from 0 to 1 is from 0 to 1
    keeps_probabilities: ClassVar[bool | None] = True
    example_arguments: ClassVar[tuple[Any, ...]] = (2,)

    pool_size: Numbers = field(metadata=PER_DIMENSION)
    _: KW_ONLY
    stride: Numbers = field(default=1, metadata=PER_DIMENSION)
    padding: Padding = field(default=0, metadata=MARGINS)

    def __post_init__(self) -> None:
        super().__post_init__()
        # 'same' always passes: it adds at most the extent minus one rows in all
        if self.padding != "same":
            # torch refuses padding above half the window; the module pads a copy then, up to this limit
            extents = self.window().extents
            if any(max(pair) >= extent for pair, extent in zip(pairs(self.padding), extents, strict=True)):
                raise ArgumentError(
                    f"{type(self).__name__}: padding must be smaller than the pool size {bracketed(extents)},"
                    f" got {margins_text(self.padding)}, with which some windows hold nothing but padding"
                )

    @property
    def padding_mode(self) -> Literal["same", "manual"]:
        """``"same"``, or ``"manual"`` for given numbers, as MATLAB reports it."""
        return margins_mode(self.padding)

    @property
    def padding_size(self) -> Shape | tuple[Shape, ...]:
        """The rows and columns of padding, as MATLAB reports them; empty for ``"same"``."""
        return margins_size(self.padding)

    @property
    def description(self) -> str:
        size, stride = times(cast(Shape, self.pool_size)), bracketed(cast(Shape, self.stride))
        return (
            f"{size} {self.operation} pooling with stride {stride} and padding {margins_text(self.padding)}"
        )

    def window(self) -> Window:
        """The window that slides over the input."""
        return window(self.pool_size, self.stride, (1,) * self.rank, self.padding)

    def with_same_padding(self) -> Layer:
        return replace(self, padding="same")

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        return (self._pooled(inputs[0]),)

    def _pooled(self, size: Size) -> Size:
        # first, for the window would ignore additional dimensions
        expect_spatial(size, self.rank)
        return image_size(slide(self.window(), size), size.channels)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        expect_spatial(inputs[0], self.rank)
        channels = constant_step(inputs[0].channels, "each channel is pooled alone")
        return ((*window_steps(self.window(), inputs[0].spatial), channels),)

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        return {"in": window_rules(self.window(), inputs[0])}


@dataclass(frozen=True, repr=False)
class MaxPooling(Pooling):
    """The base of max pooling."""

    operation: ClassVar[str] = "max"

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        # torch computes the positions of the maxima in any case
        return self._padded_copy(inputs[0]) + Amount(indices=self._pooled(inputs[0]).num_elements)

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        copy, indices = self._padded_copy(inputs[0]), Amount(indices=self._pooled(inputs[0]).num_elements)
        # autograd saves what the pool itself reads: the padded copy, where there is one
        if copy.numbers:
            return SavedForBackward(private=copy + indices)
        return SavedForBackward(("in",), private=indices)

    def _padded_copy(self, size: Size) -> Amount:
        return padded_copy_memory(self.window(), self.window().pooling_padding(), size)

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.padded_pooling import max_pooling

        # by the ports, because the 3-D layer has no argument for unpooling outputs
        return max_pooling(self.window(), unpooling_outputs=len(self.output_names) > 1)


@dataclass(frozen=True, repr=False)
class MaxPooling2dLayer(MaxPooling):
    """2-D max pooling (MATLAB ``maxPooling2dLayer``).

    Args:
        pool_size: height and width of the window, one number or two.
        stride: one number or two; 1 by default, not the pool size.
        padding: as in :class:`Convolution2dLayer`, smaller than the pool size; counts as -inf.
        has_unpooling_outputs: adds the outputs ``indices`` (the position of each maximum) and ``size`` (of
            the input) for :class:`MaxUnpooling2dLayer`.
        dilation_factor: rows and columns from one element of the window to the next, one number or two;
            beyond MATLAB, for networks without subsampling (:func:`layergraph.edits.dilate`). An image so
            small that a window has no element in it is an error: its maximum would be -inf.

    >>> from layergraph import MaxPooling2dLayer
    >>> MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True).output_names
    ('out', 'indices', 'size')
    """

    type: ClassVar[str] = "Max Pooling"
    default_name: ClassVar[str] = "maxpool"
    rank: ClassVar[int] = 2
    memory_ports: ClassVar[frozenset[str]] = frozenset({"indices", "size"})

    _: KW_ONLY
    has_unpooling_outputs: bool = field(default=False, metadata=FLAG)
    dilation_factor: Numbers = field(default=1, metadata=PER_DIMENSION)

    def __post_init__(self) -> None:
        super().__post_init__()
        dilation = cast(Shape, self.dilation_factor)
        # windows without overlap are needed to put maxima back, and dilated windows interleave
        if self.has_unpooling_outputs and set(dilation) != {1}:
            raise ArgumentError(
                "MaxPooling2dLayer: dilation_factor must be 1 with unpooling outputs, got "
                f"{bracketed(dilation)}; unpooling cannot put back the maxima of dilated windows"
            )

    @property
    def description(self) -> str:
        text, dilation = super().description, cast(Shape, self.dilation_factor)
        if set(dilation) == {1}:
            return text
        # between stride and padding, where convolutions have it too
        return text.replace(" and padding", f", dilation factor {bracketed(dilation)}, and padding")

    def window(self) -> Window:
        return window(self.pool_size, self.stride, self.dilation_factor, self.padding)

    @property
    def output_names(self) -> tuple[str, ...]:
        return ("out", "indices", "size") if self.has_unpooling_outputs else ("out",)

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        # before the check below, so that a window that is too large is reported as that
        out = self._pooled(inputs[0])
        if not self.window().meets_input(inputs[0].spatial):
            raise SizeError(
                "LG-WINDOW",
                f"dilated by {times(cast(Shape, self.dilation_factor))}, the window has no element in the "
                f"image {times(inputs[0].spatial)} at some of its positions, whose maximum would be -inf",
                advice="use a larger image or a smaller dilation factor",
            )
        if not self.has_unpooling_outputs:
            return (out,)
        # as in MATLAB's tables: `indices` is a column with one index per number of `out`; `size` is the row
        # vector 1×4×1 that holds the input size, followed by that input size
        indices = Size((out.num_elements, 1, 1, 1), "SSCB")
        return (out, indices, Size((1, 4, 1, *inputs[0].shape), "SSS" + inputs[0].format))

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        out = super().size_steps(inputs)
        if not self.has_unpooling_outputs:
            return out
        pooled, note = self._pooled(inputs[0]), "one index per number of 'out'"
        indices = Step(product_text(pooled.shape[:-1]), pooled.num_elements, note)
        one, four = constant_step(1), constant_step(4, "a size has four numbers")
        size = tuple(constant_step(number, "the size of the input") for number in inputs[0].shape[:-1])
        return (*out, (indices, one, one), (one, four, one, *size))

    def output_memory(self, inputs: Sequence[Size]) -> tuple[Amount, ...]:
        positions = self._pooled(inputs[0]).num_elements
        # the module gives `size` as two Python numbers, which take no memory of a tensor
        outputs = (Amount(positions), Amount(indices=positions), Amount())
        return outputs[: len(self.output_names)]

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        if not self.has_unpooling_outputs:
            return super().workspace(inputs)
        copy, positions = self._padded_copy(inputs[0]), self._pooled(inputs[0]).num_elements
        # the copy is free before positions in it become positions in the image, in several steps
        # 8 numbers of float32 take as many bytes as 4 indices of 64 bits
        return copy if not 0 < copy.numbers < 8 * positions else Amount(indices=4 * positions)

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        saved = super().saved_for_backward(inputs, gradients)
        # with a padded copy, torch saves positions in the copy, which are not those of the output
        if self.has_unpooling_outputs and saved.inputs:  # the saved indices are those of its output
            return SavedForBackward(("in",), ("indices",))
        return saved


@dataclass(frozen=True, repr=False)
class MaxPooling3dLayer(MaxPooling):
    """3-D max pooling (MATLAB ``maxPooling3dLayer``).

    >>> from layergraph import MaxPooling3dLayer
    >>> MaxPooling3dLayer(2, stride=2).description
    '2×2×2 max pooling with stride [2 2 2] and padding [0 0 0; 0 0 0]'
    """

    type: ClassVar[str] = "3-D Max Pooling"
    default_name: ClassVar[str] = "maxpool3d"
    rank: ClassVar[int] = 3
    example_inputs: ClassVar[tuple[Shape, ...]] = ((5, 4, 6, 2),)


@dataclass(frozen=True, repr=False)
class AveragePooling(Pooling):
    """The base of average pooling."""

    operation: ClassVar[str] = "average"
    passes_scores_on: ClassVar[bool] = True

    @property
    def _counts_padding(self) -> bool:
        """Whether padding counts as zeros in the averages."""
        return True

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        copy = padded_copy_memory(self.window(), self.window().averaging_padding(), inputs[0])
        if copy.numbers and not self._counts_padding:  # the share of each window that is image
            copy += Amount(shared_numbers=prod(self._pooled(inputs[0]).spatial))
        return copy

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # the pool saves its padded input, and the division by the shares saves these
        copy = self.workspace(inputs)
        return SavedForBackward(private=copy) if copy.numbers else SavedForBackward(("in",))

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.padded_pooling import average_pooling

        return average_pooling(self.window(), counts_padding=self._counts_padding)


def _padding_value(layer: object, argument: str, value: object) -> Literal[0, "mean"]:
    # 0.0 and False become 0 too, so that equal layers store one value
    if isinstance(value, Real) and value == 0:
        return 0
    arguments.choice(layer, argument, value, ("mean",), or_else="0")
    return "mean"


@dataclass(frozen=True, repr=False)
class AveragePooling2dLayer(AveragePooling):
    """2-D average pooling (MATLAB ``averagePooling2dLayer``).

    Args:
        pool_size, stride, padding: as in :class:`MaxPooling2dLayer`.
        padding_value: 0 (padding counts as zeros) or ``"mean"`` (it does not count).

    >>> from layergraph import AveragePooling2dLayer
    >>> AveragePooling2dLayer(7, stride=7).description
    '7×7 average pooling with stride [7 7] and padding [0 0 0 0]'
    """

    type: ClassVar[str] = "Average Pooling"
    default_name: ClassVar[str] = "avgpool2d"
    rank: ClassVar[int] = 2

    _: KW_ONLY
    padding_value: Literal[0, "mean"] = field(default=0, metadata=converter(_padding_value))

    @property
    def _counts_padding(self) -> bool:
        return self.padding_value == 0


@dataclass(frozen=True, repr=False)
class AveragePooling3dLayer(AveragePooling):
    """3-D average pooling (MATLAB ``averagePooling3dLayer``); padding counts as zeros.

    >>> from layergraph import AveragePooling3dLayer
    >>> AveragePooling3dLayer(2, stride=2).type
    '3-D Average Pooling'
    """

    type: ClassVar[str] = "3-D Average Pooling"
    default_name: ClassVar[str] = "avgpool3d"
    rank: ClassVar[int] = 3
    example_inputs: ClassVar[tuple[Shape, ...]] = ((5, 4, 6, 2),)


@dataclass(frozen=True, repr=False)
class GlobalAveragePooling2dLayer(Layer):
    """The mean of each channel over the image, 1×1×channels (MATLAB ``globalAveragePooling2dLayer``).

    >>> from layergraph import GlobalAveragePooling2dLayer
    >>> from layergraph.sizes import image_size
    >>> print(GlobalAveragePooling2dLayer().output_sizes([image_size((7, 7), 512)])[0])
    1(S) × 1(S) × 512(C) × 1(B)
    """

    type: ClassVar[str] = "Global Average Pooling"
    default_name: ClassVar[str] = "gapool"
    description: ClassVar[str] = "Global average pooling"
    kind: ClassVar[Kind] = "pooling"
    keeps_probabilities: ClassVar[bool | None] = True

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        expect_spatial(inputs[0], 2)
        return (image_size((1, 1), inputs[0].channels),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        expect_spatial(inputs[0], 2)
        height, width = inputs[0].spatial
        notes = (f"the mean of all {height} rows", f"the mean of all {width} columns")
        channels = constant_step(inputs[0].channels, "as in the input")
        return ((*(constant_step(1, note) for note in notes), channels),)

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        return {"in": tuple(window_rule(n, 1, 1, 0) for n in inputs[0].spatial)}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        # no window of fixed size, so that the module takes images of every size
        return nn.AdaptiveAvgPool2d(1)


@dataclass(frozen=True, repr=False)
class MaxUnpooling2dLayer(Layer):
    """Puts each number back to the position of its maximum, zeros elsewhere (MATLAB ``maxUnpooling2dLayer``).

    Its inputs ``indices`` and ``size`` come from a :class:`MaxPooling2dLayer` with unpooling outputs; the
    recorded size restores odd sizes exactly. Pooling windows must not overlap.

    >>> from layergraph import MaxUnpooling2dLayer
    >>> MaxUnpooling2dLayer().input_names
    ('in', 'indices', 'size')
    """

    type: ClassVar[str] = "Max Unpooling"
    default_name: ClassVar[str] = "maxunpool"
    kind: ClassVar[Kind] = "unpooling"
    memory_ports: ClassVar[frozenset[str]] = frozenset({"indices", "size"})
    # the outputs are numbers of the input, and zeros
    keeps_probabilities: ClassVar[bool | None] = True

    @property
    def input_names(self) -> tuple[str, ...]:
        return ("in", "indices", "size")

    @property
    def value_ports(self) -> tuple[str, ...]:
        return ("in",)

    @classmethod
    def example(cls) -> tuple[Layer, list[Size]]:
        # only a pooling layer gives inputs that fit together
        pooling = MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True)
        return cls(), list(pooling.output_sizes([image_size((5, 7), 3)]))

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        pooled, indices, size = inputs
        expect_spatial(pooled, 2)
        # the format that MaxPooling2dLayer alone gives to its output `size`
        if size.format != "SSSSSCB":
            raise SizeError(
                "LG-UNPOOLING",
                f"input 'size' comes from output 'size' of a max pooling layer, got {size}",
                port="size",
                advice="connect 'pool/indices' and 'pool/size' of a MaxPooling2dLayer with unpooling outputs",
            )
        if indices.format != "SSCB" or indices.shape[0] != pooled.num_elements:
            raise SizeError(
                "LG-UNPOOLING",
                f"input 'in' has {pooled.num_elements} numbers, {pooled}, but input 'indices' has "
                f"{indices.shape[0]}",
                port="indices",
                advice="unpool what has the size and channels of the pooling layer's output",
            )
        # the numbers before these are the row vector 1×4×1, and the channels follow them
        return (image_size(size.shape[3:5], pooled.channels),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        (out,) = self.output_sizes(inputs)
        spatial = (
            constant_step(n, "the size before pooling, from input 'size'", "size") for n in out.spatial
        )
        return ((*spatial, constant_step(out.channels, "as input 'in'")),)

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # the gradient is gathered at the indices; the numbers that were put there do not matter
        return SavedForBackward(("indices",))

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        # the pooling windows do not overlap, so the sizes of the images give the size of a window
        sizes = zip(inputs[0].spatial, inputs[2].shape[3:5], strict=True)
        windows = [max(round(after / before), 1) for before, after in sizes]
        return {"in": tuple(transposed_rule(size, size, 0) for size in windows)}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.padded_pooling import MaxUnpool2d

        return MaxUnpool2d()
