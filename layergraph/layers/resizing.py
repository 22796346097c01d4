"""Layers that change height and width without weights: crop, pad and resize."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from layergraph.amounts import NOTHING, Amount
from layergraph.errors import ArgumentError, SizeError
from layergraph.layers import arguments
from layergraph.layers.arguments import Numbers
from layergraph.layers.arithmetic import Step, constant_step, scaling_step
from layergraph.layers.fields import FLAG, NUMBER, converter, one_of
from layergraph.layers.layer import Kind, Layer, Shape, bracketed, expect_spatial
from layergraph.layers.receptive_field_rule import RulesByPort, offset_rule, resizing_rule
from layergraph.layers.saved_for_backward import SavedForBackward
from layergraph.sizes import Size, image_size
from layergraph.wording import times

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class ReferenceLayer(Layer):
    """The base of layers that bring ``in`` to the spatial size of ``ref``."""

    kind: ClassVar[Kind] = "resizing"
    rank: ClassVar[int]

    @property
    def input_names(self) -> tuple[str, ...]:
        return ("in", "ref")

    @property
    def value_ports(self) -> tuple[str, ...]:
        # the numbers of `ref` reach no output, so that only `in` decides about probabilities
        return ("in",)

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        size, reference = inputs
        expect_spatial(size, self.rank)
        expect_spatial(reference, self.rank)
        self._check_spatial(size.spatial, reference.spatial)
        return (image_size(reference.spatial, size.channels),)

    def _check_spatial(self, spatial: Shape, target: Shape) -> None:
        """Raise ``SizeError`` unless ``in`` can be brought to this size."""
        raise NotImplementedError


def _crop_mode(layer: Crop, argument: str, value: object) -> str | tuple[int, ...]:
    if isinstance(value, str):
        location = f"a location of {layer.rank} whole numbers"
        return arguments.choice(layer, argument, value, ("centercrop",), or_else=location)
    # MATLAB counts from 1, so that 0 is refused as a location
    return arguments.per_dimension(layer, argument, value, layer.rank)


@dataclass(frozen=True, repr=False)
class Crop(ReferenceLayer):
    """The base of crops."""

    keeps_probabilities: ClassVar[bool | None] = True
    passes_scores_on: ClassVar[bool] = True
    example_inputs: ClassVar[tuple[Shape, ...]] = ((9, 12, 4), (5, 7, 3))

    mode: Literal["centercrop"] | Sequence[int] = field(default="centercrop", metadata=converter(_crop_mode))

    @property
    def description(self) -> str:
        if self.mode == "centercrop":
            return "center crop"
        return f"upper-left corner of cropping rectangle at {bracketed(cast(Shape, self.mode))}"

    def starts(self) -> tuple[int, ...] | None:
        """The first row to keep per dimension, from 0; ``None`` for a center crop.

        MATLAB gives the location as (x, y[, z]), counted from 1.
        """
        if self.mode == "centercrop":
            return None
        # x is the column, but sizes have the rows first
        x, y, *z = cast(Shape, self.mode)
        return (y - 1, x - 1, *(number - 1 for number in z))

    def _check_spatial(self, spatial: Shape, target: Shape) -> None:
        # a center crop fits wherever the input is as large; a location must leave room after it
        starts = self.starts() or (0,) * self.rank
        if any(s + r > n for s, r, n in zip(starts, target, spatial, strict=True)):
            raise SizeError(
                "LG-SPATIAL",
                f"nothing to crop: 'in' is {times(spatial)}, the part to keep is {times(target)} (of 'ref') "
                f"from {bracketed([s + 1 for s in starts])}",
                port="ref",
                advice="'in' takes the larger input, 'ref' the one whose size the result has",
            )

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        return (reference_steps(inputs, self.output_sizes(inputs)[0], "cropped"),)

    def shares_memory(self, inputs: Sequence[Size], training: bool) -> bool:
        # the module narrows each dimension, which makes a view
        return True

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        size, reference = inputs
        # rounded down as in the module: an odd rest is cropped below and at the right
        center = tuple((n - keep) // 2 for n, keep in zip(size.spatial, reference.spatial, strict=True))
        return {"in": tuple(map(offset_rule, self.starts() or center))}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.reference_size import CropToReference

        return CropToReference(self.starts(), self.rank)


@dataclass(frozen=True, repr=False)
class Crop2dLayer(Crop):
    """Crops ``in`` to the height and width of ``ref`` (MATLAB ``crop2dLayer``).

    Args:
        mode: ``"centercrop"``, or (x, y), the first column and row to keep, counted from 1 as MATLAB does. An
            odd remainder leaves the smaller part above and left.

    >>> from layergraph import Crop2dLayer
    >>> Crop2dLayer("centercrop").input_names
    ('in', 'ref')
    """

    type: ClassVar[str] = "Crop 2D"
    default_name: ClassVar[str] = "crop"
    rank: ClassVar[int] = 2


@dataclass(frozen=True, repr=False)
class Crop3dLayer(Crop):
    """Crops ``in`` to the height, width and depth of ``ref`` (MATLAB ``crop3dLayer``).

    Arguments are as in 2-D; a location is (x, y, z).

    >>> from layergraph import Crop3dLayer
    >>> Crop3dLayer().description
    'center crop'
    """

    type: ClassVar[str] = "Crop 3D"
    default_name: ClassVar[str] = "crop3d"
    rank: ClassVar[int] = 3
    example_inputs: ClassVar[tuple[Shape, ...]] = ((6, 7, 5, 2), (3, 4, 5, 3))


@dataclass(frozen=True, repr=False)
class Pad2dLayer(ReferenceLayer):
    """Pads ``in`` on all sides to the height and width of ``ref``: the reverse of a center crop.

    Args:
        padding_value: the value of the new rows and columns; an odd one is at the bottom, or at the right.

    >>> from layergraph import Pad2dLayer
    >>> Pad2dLayer().input_names
    ('in', 'ref')
    """

    type: ClassVar[str] = "Pad 2D"
    default_name: ClassVar[str] = "pad"
    rank: ClassVar[int] = 2
    # zeros are in the range of probabilities, but another padding value need not be
    keeps_probabilities: ClassVar[bool | None] = None
    example_inputs: ClassVar[tuple[Shape, ...]] = ((5, 7, 3), (9, 12, 4))

    _: KW_ONLY
    padding_value: float = field(default=0.0, metadata=NUMBER)

    @property
    def description(self) -> str:
        return "center pad" + (f" with {self.padding_value:g}" if self.padding_value else "")

    def _check_spatial(self, spatial: Shape, target: Shape) -> None:
        if any(n > r for n, r in zip(spatial, target, strict=True)):
            raise SizeError(
                "LG-SPATIAL",
                f"nothing to pad: 'in' is {times(spatial)}, larger than the {times(target)} of 'ref'",
                port="ref",
                advice="'in' takes the smaller input, 'ref' the one whose size the result has",
            )

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        return (reference_steps(inputs, self.output_sizes(inputs)[0], "padded"),)

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        size, reference = inputs
        # the input starts inside the output, so that the first rows read before its start
        sizes = zip(size.spatial, reference.spatial, strict=True)
        return {"in": tuple(offset_rule(-((target - n) // 2)) for n, target in sizes)}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.reference_size import PadToReference

        return PadToReference(self.padding_value)


def _output_size(layer: object, argument: str, value: object) -> tuple[int, ...] | None:
    return None if value is None else arguments.per_dimension(layer, argument, value, 2)


def _scale(layer: object, argument: str, value: object) -> tuple[float, ...] | None:
    scale = arguments.per_channel(layer, argument, value, 2, "dimension")
    if scale is not None and min(scale) <= 0:
        raise ArgumentError(f"Resize2dLayer: scale must be above 0, got {value!r}")
    return scale


@dataclass(frozen=True, repr=False)
class Resize2dLayer(Layer):
    """Resizes height and width (MATLAB ``resize2dLayer``). Give exactly one of the first three arguments.

    Args:
        output_size: height and width, one number or two.
        scale: factors of height and width, one number or two; the output size is rounded down.
        enable_reference_input: adds the input ``ref``, whose height and width the output gets.
        method: ``"nearest"`` or ``"bilinear"``.
        geometric_transform_mode: the position of pixels: ``"half-pixel"`` or ``"asymmetric"``.
        nearest_rounding_mode: ``"round"``, ``"floor"``, or ``"onnx-10"`` (down when enlarging, up
            when shrinking, as ONNX opset 10).

    >>> from layergraph import Resize2dLayer
    >>> from layergraph.sizes import image_size
    >>> print(Resize2dLayer(scale=2, method="bilinear").output_sizes([image_size((15, 20), 8)])[0])
    30(S) × 40(S) × 8(C) × 1(B)
    """

    type: ClassVar[str] = "Resize"
    kind: ClassVar[Kind] = "resizing"
    keeps_probabilities: ClassVar[bool | None] = None
    passes_scores_on: ClassVar[bool] = True

    _: KW_ONLY
    output_size: Numbers | None = field(default=None, metadata=converter(_output_size))
    scale: float | Sequence[float] | None = field(default=None, metadata=converter(_scale))
    enable_reference_input: bool = field(default=False, metadata=FLAG)
    method: Literal["nearest", "bilinear"] = field(default="nearest", metadata=one_of("nearest", "bilinear"))
    geometric_transform_mode: Literal["half-pixel", "asymmetric"] = field(
        default="half-pixel", metadata=one_of("half-pixel", "asymmetric")
    )
    nearest_rounding_mode: Literal["round", "floor", "onnx-10"] = field(
        default="round", metadata=one_of("round", "floor", "onnx-10")
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        number = sum([self.output_size is not None, self.scale is not None, self.enable_reference_input])
        if number != 1:
            raise ArgumentError(
                "Resize2dLayer: exactly one of output_size, scale and enable_reference_input must be given, "
                f"got {number or 'none'}"
            )

    @property
    def default_name(self) -> str:  # type: ignore[override]
        return "resize-scale" if self.scale is not None else "resize-output-size"

    @property
    def input_names(self) -> tuple[str, ...]:
        return ("in", "ref") if self.enable_reference_input else ("in",)

    @property
    def value_ports(self) -> tuple[str, ...]:
        return ("in",)

    @classmethod
    def example(cls) -> tuple[Layer, list[Size]]:
        return cls(scale=2), [image_size((5, 7), 3)]

    @property
    def description(self) -> str:
        if self.enable_reference_input:
            target = "to the size of the reference input"
        elif self.scale is not None:
            factors = cast(tuple[float, ...], self.scale)
            target = f"by scale [{' '.join(f'{factor:g}' for factor in factors)}]"
        else:
            target = f"to output size {bracketed(cast(Shape, self.output_size))}"
        return f"{self.method} resizing {target}"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        # the reference too: its height and width are read
        for size in inputs:
            expect_spatial(size, 2)
        if self.enable_reference_input:
            spatial = inputs[1].spatial
        elif self.scale is not None:
            factors = cast(tuple[float, ...], self.scale)
            # torch rounds down the product of floats, not of the decimals that the user wrote
            spatial = tuple(int(n * factor) for n, factor in zip(inputs[0].spatial, factors, strict=True))
        else:
            spatial = cast(Shape, self.output_size)
        # other sizes are at least 1, so only a scale leads here
        if min(spatial) < 1:
            raise SizeError(
                "LG-WINDOW",
                f"scale {self.scale} leaves nothing of the input {inputs[0]}",
                advice="use a larger scale",
            )
        return (image_size(spatial, inputs[0].channels),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        (out,) = self.output_sizes(inputs)
        if self.enable_reference_input:
            return (reference_steps(inputs, out, "resized"),)
        if self.scale is not None:
            factors = cast(tuple[float, ...], self.scale)
            spatial = tuple(map(scaling_step, inputs[0].spatial, factors))
        else:
            spatial = tuple(constant_step(number, "the argument output_size") for number in out.spatial)
        return ((*spatial, constant_step(out.channels, "as in the input")),)

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        if self._is_one_step:
            return NOTHING
        after = self.output_sizes(inputs)[0]
        height, width = after.spatial
        # height comes first, so the image between the steps has the new height and the old width
        between = height * inputs[0].spatial[1] * after.channels
        # that image stays in memory until its columns are gathered by their indices
        if self.method == "nearest":
            return Amount(between, shared_indices=width)
        # both neighbors, weighted, and their sum: first of the rows, then of the columns
        # the output, counted elsewhere, does not exist in the first step: it is subtracted there
        rows, columns = 3 * between - after.num_elements, between + 2 * after.num_elements
        length = height if rows > columns else width
        # per row or column one share, and three indices: low, high, and the product they come from
        return Amount(max(rows, columns), shared_indices=3 * length, shared_numbers=length)

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # torch's interpolation saves sizes, and no tensor
        if self._is_one_step:
            return SavedForBackward()
        # the indices of rows and columns; for bilinear two of each, with their shares
        rows = sum(self.output_sizes(inputs)[0].spatial)
        if self.method == "nearest":
            return SavedForBackward(private=Amount(shared_indices=rows))
        return SavedForBackward(private=Amount(shared_indices=2 * rows, shared_numbers=2 * rows))

    @property
    def _is_one_step(self) -> bool:
        """Whether torch resizes in one operation; otherwise rows are gathered first, then columns."""
        # F.interpolate has no asymmetric bilinear, and its nearest picks a wrong row at some sizes
        return self.method == "bilinear" and self.geometric_transform_mode == "half-pixel"

    def receptive_field_rules(self, inputs: Sequence[Size]) -> RulesByPort:
        sizes = zip(inputs[0].spatial, self.output_sizes(inputs)[0].spatial, strict=True)
        how = {
            "method": self.method,
            "geometry": self.geometric_transform_mode,
            "rounding": self.nearest_rounding_mode,
        }
        return {"in": tuple(resizing_rule(before, after, **how) for before, after in sizes)}

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.reference_size import Resize2d

        return Resize2d(
            cast("tuple[int, int] | None", self.output_size),
            cast("tuple[float, float] | None", self.scale),
            self.method,
            self.geometric_transform_mode,
            self.nearest_rounding_mode,
        )


def reference_steps(inputs: Sequence[Size], out: Size, how: str) -> tuple[Step, ...]:
    """The size steps of a layer that brings its first input to the height and width of its second."""
    sizes = zip(inputs[0].spatial, out.spatial, strict=True)
    spatial = (
        constant_step(new, f"the size of input 'ref'; {old} is {how} to it", "ref") for old, new in sizes
    )
    return (*spatial, constant_step(out.channels, "as input 'in'"))
