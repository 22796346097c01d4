"""Transposed convolutions, in two and three dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from layergraph.amounts import Amount
from layergraph.errors import SizeError
from layergraph.layers.arguments import Numbers, Padding, pairs
from layergraph.layers.arithmetic import Step, constant_step, transposed_steps
from layergraph.layers.convolution import channel_relaxations, expect_channels
from layergraph.layers.fields import CHANNELS, MARGINS, PER_DIMENSION, WHOLE
from layergraph.layers.layer import Kind, Layer, Shape, bracketed, expect_spatial
from layergraph.layers.learnable import LearnableLayer
from layergraph.layers.receptive_field_rule import RulesByPort, transposed_rule
from layergraph.layers.window import margins_mode, margins_size, margins_text
from layergraph.sizes import Size, image_size, same_cropping, transposed_output
from layergraph.wording import times

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class TransposedConvolution(LearnableLayer):
    """The base of transposed convolutions."""

    kind: ClassVar[Kind] = "transposed convolution"
    rank: ClassVar[int]
    # the gradient of the weights needs the input, of which no padded copy is made
    saves_input: ClassVar[bool] = True
    accepts_arrays: ClassVar[bool] = True
    example_arguments: ClassVar[tuple[Any, ...]] = (2, 4)

    filter_size: Numbers = field(metadata=PER_DIMENSION)
    num_filters: int = field(metadata=WHOLE)
    _: KW_ONLY
    stride: Numbers = field(default=1, metadata=PER_DIMENSION)
    cropping: Padding = field(default=0, metadata=MARGINS)
    num_channels: int | Literal["auto"] = field(default="auto", metadata=CHANNELS)

    @property
    def cropping_mode(self) -> Literal["same", "manual"]:
        """``"same"``, or ``"manual"`` for given numbers, as MATLAB reports it."""
        return margins_mode(self.cropping)

    @property
    def cropping_size(self) -> Shape | tuple[Shape, ...]:
        """The rows and columns that are cropped, as MATLAB reports them; empty for ``"same"``."""
        return margins_size(self.cropping)

    def _order_of_weights(self) -> tuple[Shape, Sequence[int | None]]:
        channels = None if self.num_channels == "auto" else self.num_channels
        # filters come before channels in MATLAB's order, the reverse of a convolution
        return cast(Shape, self.filter_size), (self.num_filters, channels)

    @property
    def description(self) -> str:
        channels = () if self.num_channels == "auto" else (self.num_channels,)
        filters = times((*cast(Shape, self.filter_size), *channels))
        stride, crop = bracketed(cast(Shape, self.stride)), margins_text(self.cropping)
        return (
            f"{self.num_filters} {filters} transposed convolutions with stride {stride} and cropping {crop}"
        )

    def crops(self) -> tuple[tuple[int, int], ...]:
        """Rows cropped (before, after) per dimension; negative for ``"same"``: rows added."""
        if self.cropping == "same":
            return tuple(map(same_cropping, cast(Shape, self.filter_size), cast(Shape, self.stride)))
        return pairs(self.cropping)

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        # first, for the arithmetic below would ignore additional dimensions
        expect_spatial(inputs[0], self.rank)
        expect_channels(inputs[0], self.num_channels)
        window, stride = cast(Shape, self.filter_size), cast(Shape, self.stride)
        spatial = tuple(map(transposed_output, inputs[0].spatial, window, stride, map(sum, self.crops())))
        if min(spatial) < 1:
            raise SizeError(
                "LG-CROPPING",
                f"cropping {margins_text(self.cropping)} leaves an output of {times(spatial)}",
                advice="crop less or use a larger input",
            )
        return (image_size(spatial, self.num_filters),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        # the checks of the output sizes but the last: an explanation shows numbers below 1
        expect_spatial(inputs[0], self.rank)
        expect_channels(inputs[0], self.num_channels)
        window, stride = cast(Shape, self.filter_size), cast(Shape, self.stride)
        same = self.cropping == "same"
        spatial = transposed_steps(inputs[0].spatial, window, stride, self.crops(), same=same)
        return ((*spatial, constant_step(self.num_filters, "one per filter")),)

    def relaxations(self, inputs: Sequence[Size]) -> Iterator[tuple[Layer, Sequence[Size]]]:
        return channel_relaxations(self, inputs)

    def with_same_padding(self) -> Layer:
        # any number of channels, so that only the cropping decides whether the layer fits
        return replace(self, num_channels="auto", cropping="same")

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        return {
            "Weights": (*cast(Shape, self.filter_size), self.num_filters, inputs[0].channels),
            "Bias": (*(1,) * self.rank, self.num_filters),
        }

    def multiply_adds(self, inputs: Sequence[Size]) -> int:
        """As ``FlopCounterMode`` counts: the whole filter at each input position, before cropping."""
        return prod(inputs[0].spatial) * prod(self.learnables(inputs)["Weights"])

    def output_memory(self, inputs: Sequence[Size]) -> tuple[Amount, ...]:
        # torch crops equally on both sides; rows that are cropped on one side stay in memory
        window, stride = cast(Shape, self.filter_size), cast(Shape, self.stride)
        # a negative number after is torch's output padding: rows that torch computes in addition
        computed = [
            transposed_output(n, size, step, 2 * max(min(crop), 0) + min(crop[1], 0))
            for n, size, step, crop in zip(inputs[0].spatial, window, stride, self.crops(), strict=True)
        ]
        return (Amount(prod(computed) * self.num_filters),)

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        window, stride = cast(Shape, self.filter_size), cast(Shape, self.stride)
        # cropping at the end moves no output, so that the cropping before decides the positions
        befores = [before for before, _ in self.crops()]
        return {"in": tuple(map(transposed_rule, window, stride, befores))}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.padded_convolution import transposed_convolution

        size, stride = cast(Shape, self.filter_size), cast(Shape, self.stride)
        channels = inputs[0].channels
        module = transposed_convolution(size, stride, self.crops(), channels, self.num_filters)
        return self.initialize(module, channels, self.num_filters)


@dataclass(frozen=True, repr=False)
class TransposedConv2dLayer(TransposedConvolution):
    """2-D transposed convolution (MATLAB ``transposedConv2dLayer``).

    Args:
        filter_size: height and width of the filters, one number or two.
        num_filters: number of output channels.
        stride: one number or two (vertical, horizontal).
        cropping: a number, two, four (top, bottom, left, right), or ``"same"``: output ``stride * input``.
        num_channels: input channels; ``"auto"``: as many as the input has.

    Output size ``stride * (input - 1) + filter - cropping``. Learnables: Weights
    h×w×filters×channels (the reverse of a convolution), Bias 1×1×filters. Initializers, factors, and
    ``weights`` and ``bias`` as arrays in that order, are those of :class:`Convolution2dLayer`.

    >>> from layergraph import TransposedConv2dLayer
    >>> TransposedConv2dLayer(4, 11, stride=2).description
    '11 4×4 transposed convolutions with stride [2 2] and cropping [0 0 0 0]'
    """

    type: ClassVar[str] = "Transposed Convolution"
    default_name: ClassVar[str] = "transposed-conv"
    rank: ClassVar[int] = 2


@dataclass(frozen=True, repr=False)
class TransposedConv3dLayer(TransposedConvolution):
    """3-D transposed convolution (MATLAB ``transposedConv3dLayer``): as 2-D, with three numbers per size.

    >>> from layergraph import TransposedConv3dLayer
    >>> TransposedConv3dLayer(2, 8, stride=2).default_name
    'transposed-conv3d'
    """

    type: ClassVar[str] = "3-D Transposed Convolution"
    default_name: ClassVar[str] = "transposed-conv3d"
    rank: ClassVar[int] = 3
    example_inputs: ClassVar[tuple[Shape, ...]] = ((5, 4, 6, 2),)
